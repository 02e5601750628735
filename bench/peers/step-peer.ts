import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '../../src/engine/index.ts';

/** Steps run one after another: each one's time, its task losses and its inverse loss. */
export interface Block {
  readonly ms: readonly number[];
  readonly losses: readonly (readonly number[])[];
}

export interface Stepper {
  run(count: number): Promise<Block>;
  stop(): Promise<void>;
}

export interface NamedTensor extends HostTensor {
  readonly name: string;
}

/** What the peer starts from: settings by name, and tensors that go through a file. */
export interface PeerSetup {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly parameters: readonly NamedTensor[];
  readonly batch: readonly NamedTensor[];
}

/** Writes setup.json and the tensors' bytes one after another, parameters.bin and batch.bin. */
function writeSetup(folder: string, { settings, parameters, batch }: PeerSetup): void {
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

/** Starts the PyTorch twin of the step. `about` is what it says of itself: version, threads. */
export async function startPeer(
  python: string,
  folder: string,
  setup: PeerSetup,
): Promise<Stepper & { about: { torch: string; threads: number } }> {
  writeSetup(folder, setup);
  const script = fileURLToPath(new URL('step_torch.py', import.meta.url));
  const child = spawn(python, [script, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the PyTorch twin ended early');
    return JSON.parse(line.value);
  };
  const about = (await answer()) as { torch: string; threads: number };
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
