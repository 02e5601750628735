import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { stackOf } from '../../src/core/index.ts';
import { launchTraining, type TrainJob } from '../../src/trainer/index.ts';

it('a training process fails with the mend and the stack that the error had there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'vamo-launch-'));
  try {
    const methodFile = join(directory, 'mine.mjs');
    await writeFile(methodFile, 'const fail = () => { throw new Error("on purpose"); };\nfail();');
    const { tasks, market, model, training, release } = await loadConfig();
    const day = { day: '2026-01-05', generation: 1, digest: 'd', stepsDigest: 's' };
    const job: TrainJob = {
      schema: 'train-job/v1',
      dataRoot: directory,
      store: { kind: 'directory' },
      runDirectory: join(directory, 'run'),
      days: { history: [], train: [day], validation: [day], test: [day] },
      config: {
        ...{ tasks, market, model, release: { batch: release.batch } },
        training: { ...training, engine: 'cpu', method: 'mine', methodFile },
      },
      configHash: '0'.repeat(64),
      seed: 1,
      code: 'test',
      parent: null,
    };
    const error: unknown = await launchTraining(job).catch((failure: unknown) => failure);
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('does not load: on purpose') as string,
      mend: 'Correct the file; `--verbose` shows where it fails.',
    });
    expect(stackOf(error)).toMatch(/caused by: Error: on purpose\n.*at fail \(.*mine\.mjs:1:/);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);
