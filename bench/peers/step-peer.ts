import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '../../src/engine/index.ts';
import type { ModelIo, ModelSettings } from '../../src/model/index.ts';
import type { OptimiserSettings } from '../../src/trainer/index.ts';

/** Steps run one after another: each one's time, its task losses and its inverse loss. */
export interface Block {
  readonly ms: readonly number[];
  readonly losses: readonly (readonly number[])[];
  /** Highest resident memory of the process so far, KiB. */
  readonly peakRss: number;
}

export interface Stepper {
  run(count: number): Promise<Block>;
  stop(): Promise<void>;
}

export interface NamedTensor extends HostTensor {
  readonly name: string;
}

/** How our side takes a step. */
export interface OwnRoute {
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly gains: 'exact' | 'difference';
  readonly gainsEvery: number;
}

/** How PyTorch takes it; see `step_torch.py`. */
export interface TorchRoute {
  readonly route: 'vanilla' | 'vamo' | 'vamo-apart';
  readonly compile: boolean;
}

/** What both sides start from. */
export interface StepSetup {
  readonly model: ModelSettings;
  readonly io: ModelIo;
  readonly counts: readonly number[];
  readonly optimiser: OptimiserSettings;
  readonly inverseLearningRate: number;
  readonly threads: number;
  readonly route: OwnRoute;
}

/** The tensors that go through files. */
export interface StepTensors {
  readonly parameters: readonly NamedTensor[];
  /** Training batch, and the held-out one under `validation.`. */
  readonly batch: readonly NamedTensor[];
}

/** Writes setup.json and the tensors' bytes one after another, parameters.bin and batch.bin. */
function writeSetup(folder: string, settings: object, { parameters, batch }: StepTensors): void {
  mkdirSync(folder, { recursive: true });
  const bytes = (tensors: readonly HostTensor[]): Buffer =>
    Buffer.concat(tensors.map(({ data: d }) => Buffer.from(d.buffer, d.byteOffset, d.byteLength)));
  const shapes = (tensors: readonly NamedTensor[]) =>
    tensors.map(({ name, shape }) => ({ name, shape }));
  writeFileSync(`${folder}/parameters.bin`, bytes(parameters));
  writeFileSync(`${folder}/batch.bin`, bytes(batch));
  const all = { ...settings, parameters: shapes(parameters), batch: shapes(batch) };
  writeFileSync(`${folder}/setup.json`, JSON.stringify(all));
}

/** A process that answers a number of steps with a block; `about` is what it says of itself. */
async function startStepper(
  command: readonly string[],
  folder: string,
): Promise<Stepper & { about: Readonly<Record<string, unknown>> }> {
  const [program = '', ...rest] = command;
  const child = spawn(program, [...rest, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${program} ended early`);
    return JSON.parse(line.value);
  };
  const about = (await answer()) as Readonly<Record<string, unknown>>;
  return {
    about,
    run: async (count) => {
      child.stdin.write(`${count}\n`);
      return (await answer()) as Block;
    },
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Our side, from sources. */
export function startOwn(folder: string, setup: StepSetup, tensors: StepTensors) {
  writeSetup(folder, setup, tensors);
  return startStepper([process.execPath, '--import', 'tsx', script('step_vamo.ts')], folder);
}

/** The PyTorch twin. */
export function startTorch(
  python: string,
  folder: string,
  setup: Omit<StepSetup, 'route'> & TorchRoute & { readonly lambda: number; weights?: number[] },
  tensors: StepTensors,
) {
  writeSetup(folder, setup, tensors);
  return startStepper([python, script('step_torch.py')], folder);
}
