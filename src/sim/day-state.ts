import { mean, seededRandom, STEPS } from '../core/index.ts';
import { type SimulationConfig, STREAM, type TaskSettings } from './settings.ts';

/** What one task's values look like on one day. */
interface TaskDay {
  /** ln of the value curve by step, centred to mean 1 over a neutral day, with the day's level. */
  readonly lnCurve: Float64Array;
  /** ln factor of the values by scene. */
  readonly lnScene: Float64Array;
  /** Conversions per predicted value, by part of the day: night, morning, afternoon, evening. */
  readonly yieldByPart: Float64Array;
  /** Standard deviation of ln value between campaigns in one auction. */
  readonly noise: number;
  /** ln of the day's level: what a bidder sees as all values up or down. */
  readonly level: number;
}

export interface DayState {
  /** Factor of the day's traffic beside the weekday. */
  readonly volume: number;
  /** Steps by which the traffic curve is early. */
  readonly phase: number;
  /** ln of the outside bidders' level. */
  readonly market: number;
  readonly tasks: readonly TaskDay[];
}

/** Slow states that move from day to day. */
interface Drift {
  drift: number;
  jump: number;
  peak: number;
  width: number;
  readonly scenes: Float64Array;
}

function taskDay(
  task: TaskSettings,
  moving: Drift,
  noise: number,
  yields: number[],
  common: number,
): TaskDay {
  const sharpness = Math.exp(moving.width);
  const wave = Float64Array.from({ length: STEPS }, (_, t) => {
    const near = (1 + Math.cos((2 * Math.PI * (t - moving.peak)) / STEPS)) / 2;
    return task.amplitude * (2 * near ** sharpness - 1);
  });
  const centre = Math.log(mean(wave.map(Math.exp)));
  const level = common + moving.drift + moving.jump;
  const sceneCentre = Math.log(mean(moving.scenes.map(Math.exp)));
  return {
    lnCurve: wave.map((x) => x - centre + level),
    lnScene: moving.scenes.map((x) => x - sceneCentre),
    yieldByPart: Float64Array.from(yields),
    noise,
    level,
  };
}

const stillTask = (task: TaskSettings, scenes: number): Drift => ({
  drift: 0,
  jump: 0,
  peak: task.peakStep,
  width: 0,
  scenes: new Float64Array(scenes),
});

/** A day without any shift; budgets are set on it. */
export function neutralDay({ simulator }: SimulationConfig): DayState {
  return {
    volume: 1,
    phase: 0,
    market: 0,
    tasks: simulator.tasks.map((task) =>
      taskDay(task, stillTask(task, simulator.scenes), task.noise, [1, 1, 1, 1], 0),
    ),
  };
}

/**
 * The state of day `index`, recomputed from day 0, so that any day can be simulated alone. Every
 * shift between days, of level and of shape, is multiplied by `simulator.shift`.
 */
export function dayState(config: SimulationConfig, index: number): DayState {
  const { simulator } = config;
  const { seed, scenes, shift } = simulator;
  const moving = simulator.tasks.map((task) => stillTask(task, scenes));
  let common = 0;
  let market = 0;
  let state: DayState | undefined;
  for (let day = 0; day <= index; day++) {
    const world = seededRandom(seed, STREAM.days, day);
    common = 0.6 * common + 0.06 * shift * world.normal();
    market = 0.7 * market + 0.12 * world.normal();
    const phase = 1.5 * world.normal();
    const promotion = world.next() < 0.08 ? 1.6 : 1;
    const volume = promotion * Math.exp(0.08 * world.normal());
    const tasks = simulator.tasks.map((task, k) => {
      const m = moving[k] ?? stillTask(task, scenes);
      const random = seededRandom(seed, STREAM.days, day, k + 1);
      m.drift = 0.6 * m.drift + shift * task.shiftSd * random.normal();
      const jumps = random.next() < task.jumpProbability;
      const jump = shift * task.jumpSd * random.normal();
      if (jumps) m.jump = jump;
      m.peak += shift * task.peakWalk * random.normal();
      m.width = 0.7 * m.width + 0.2 * shift * random.normal();
      for (let s = 0; s < scenes; s++)
        m.scenes[s] = 0.8 * (m.scenes[s] ?? 0) + 0.18 * shift * random.normal();
      const noise = task.noise * Math.exp(0.15 * shift * random.normal());
      const yields = [0, 1, 2, 3].map(() => Math.exp(0.2 * shift * random.normal()));
      return taskDay(task, m, noise, yields, common);
    });
    state = { volume, phase, market, tasks };
  }
  return state ?? neutralDay(config);
}
