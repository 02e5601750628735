import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/config/index.ts';
import { sha256, silentLogger } from '../../src/core/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { evaluateRun, learn } from '../../src/trainer/index.ts';
import type { simulatedWindow } from './worlds.ts';

/** Per policy its campaigns' return as a share of the best constant's in hindsight, in one order. */
export type Efficiencies = Readonly<Record<string, readonly number[]>>;

const QUIET = { checkpointEvery: 1_000_000, evaluateEvery: 1_000_000, engine: 'cpu' } as const;

/** Trains on a window and replays its test day, as a night does. */
export async function trial(
  config: Config,
  days: Awaited<ReturnType<typeof simulatedWindow>>,
): Promise<Efficiencies> {
  const directory = await mkdtemp(join(tmpdir(), 'vamo-planner-'));
  try {
    const rules = { ...config.market, tasks: config.tasks };
    const { threads, seed } = config.training;
    const { result, exported, before } = await learn({
      days,
      history: config.model.temporal === 'none' ? null : days.history,
      // Losses along the way and checkpoints are of no use here.
      config: { ...config, training: { ...config.training, ...QUIET } },
      seed,
      parent: null,
      runKey: sha256('planner'),
      store: await openDirectoryStore(directory),
      log: silentLogger,
    });
    const [yesterday, test] = [days.validation.at(-1), days.test.at(-1)];
    if (!yesterday || !test) throw new RangeError('the window has no validation or test day');
    const { policies } = await evaluateRun({
      subject: 'candidate',
      result,
      exported,
      champion: null,
      days: { yesterday, test },
      market: before(test.day),
      pinned: { digest: '' },
      rules,
      threads,
    });
    const hindsight = policies['hindsight'] ?? [];
    return Object.fromEntries(
      Object.entries(policies).map(([name, own]) => [
        name,
        own.map((r, i) => r.return / (hindsight[i]?.return ?? Number.NaN)),
      ]),
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}
