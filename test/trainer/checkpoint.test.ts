import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { train, type TrainingSettings } from '../../src/trainer/index.ts';
import { tinyTraining, trainOptions } from '../helpers/trainer.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vamo-train-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const files = (at: string): Promise<string[]> => readdir(join(at, 'checkpoints'));

/** Runs the toy training in its own process and kills it as soon as it has said `atStep`. */
async function killedAt(
  at: string,
  steps: number,
  training: Partial<TrainingSettings>,
  atStep: number,
): Promise<NodeJS.Signals | null> {
  const script = fileURLToPath(new URL('../helpers/trainer-child.ts', import.meta.url));
  const given = [at, String(steps), JSON.stringify(training)];
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...given], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on('exit', (_code, signal) => resolve(signal));
  });
  for await (const line of createInterface({ input: child.stdout }))
    if (Number(line) === atStep) child.kill('SIGKILL');
  return ended;
}

describe('checkpoints of a run', () => {
  it.each<Partial<TrainingSettings>>([
    { method: 'vamo', methodOptions: { preset: 'robust', lag: 3, valEvery: 4 }, gainsEvery: 3 },
    { method: 'famo' },
    { method: 'moco' },
    { method: 'rlw' },
  ])('go on bit for bit after kill -9: %o', { timeout: 60_000 }, async (method) => {
    const each = { ...method, evaluateEvery: 50 };
    const training = { ...tinyTraining, ...each };
    const straight = await openDirectoryStore(join(directory, 'straight'));
    const expected = await train(trainOptions(straight, { steps: 100, training }));
    const at = join(directory, 'killed');
    expect(await killedAt(at, 100, each, 52)).toBe('SIGKILL');
    expect((await files(at)).length).toBeGreaterThan(0);
    const store = await openDirectoryStore(at);
    const resumed = await train(trainOptions(store, { steps: 100, training }));
    expect(resumed.models).toEqual(expected.models);
    expect(resumed.record).toEqual(expected.record);
    expect((await files(at)).sort()).toEqual((await files(join(directory, 'straight'))).sort());
  });

  it('are written when the run is interrupted, and only the newest two stay', async () => {
    const store = await openDirectoryStore(directory);
    const controller = new AbortController();
    const progress = (done: number): void => {
      if (done === 33) controller.abort();
    };
    const run = train(trainOptions(store, { steps: 60, signal: controller.signal, progress }));
    await expect(run).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const names = (await files(directory)).map((name) => name.slice(0, 13));
    expect(names.sort()).toEqual(['step-00000030', 'step-00000033']);
  });

  it('fall back to the one before when the newest is damaged, with a warning', async () => {
    const store = await openDirectoryStore(directory);
    const first = await train(trainOptions(store));
    const newest = join(directory, 'checkpoints', (await files(directory)).sort().at(-1) ?? '');
    const bytes = await readFile(newest);
    bytes[bytes.length - 7] = (bytes[bytes.length - 7] ?? 0) ^ 4;
    await writeFile(newest, bytes);
    const warned: string[] = [];
    const log = { ...silentLogger, warn: (event: string) => warned.push(event) };
    const again = await train(trainOptions(store, { log }));
    expect(warned).toEqual(['checkpoint-damaged']);
    expect(again.models).toEqual(first.models);
  });

  it('are refused when none is intact', async () => {
    const store = await openDirectoryStore(directory);
    await train(trainOptions(store));
    for (const name of await files(directory)) {
      const path = join(directory, 'checkpoints', name);
      await writeFile(path, (await readFile(path)).subarray(0, 1000));
    }
    await expect(train(trainOptions(store))).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });

  it('are refused by another run', async () => {
    const store = await openDirectoryStore(directory);
    await train(trainOptions(store));
    await expect(train(trainOptions(store, { runKey: 'b'.repeat(64) }))).rejects.toMatchObject({
      code: 'TRAIN_RESUME_MISMATCH',
    });
  });
});
