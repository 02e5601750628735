import { type Config, loadConfig } from '../../src/config/index.ts';
import { createWorld, simulateDay } from '../../src/sim/index.ts';
import { type TrainingDay, trainingDay } from '../../src/trainer/index.ts';

/** A market to compare planners in: `periodic` has day curves of value 2.5 times as high. */
export const SCENARIOS = { default: 1, periodic: 2.5 } as const;
export type Scenario = keyof typeof SCENARIOS;

/** Every record arrives once, in time and whole: what is sealed is then what was played. */
const FAULTLESS = {
  duplicateShare: 0,
  disorderMs: 0,
  lateShare: 0,
  lateMaxMs: 0,
  poisonPerDay: 0,
};

/** The demo's configuration in a world of its own. */
export async function worldConfig(seed: number, scenario: Scenario): Promise<Config> {
  const config = await loadConfig([new URL('../../config/demo.json', import.meta.url)]);
  const { simulator } = config;
  const tasks = simulator.tasks.map((task) => ({
    ...task,
    amplitude: task.amplitude * SCENARIOS[scenario],
  }));
  return { ...config, simulator: { ...simulator, seed, tasks, faults: FAULTLESS } };
}

/** The window's days, and those of its history, as training reads them from sealed partitions, straight from the simulator. */
export async function simulatedWindow(
  config: Config,
): Promise<Record<'history' | 'train' | 'validation' | 'test', TrainingDay[]>> {
  const world = createWorld(config);
  const { history, train, validation, test } = config.window;
  const rules = { ...config.market, tasks: config.tasks };
  const days: TrainingDay[] = [];
  for (let index = 0; index < history + train + validation + test; index++) {
    const simulated = await simulateDay({ world, day: index });
    const known = { steps: simulated.truth, log: simulated.log() };
    days.push(trainingDay(known, { rules, actions: config.training.actions }));
  }
  return {
    history: days.splice(0, history),
    train: days.splice(0, train),
    validation: days.splice(0, validation),
    test: days,
  };
}
