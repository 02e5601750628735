import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vamo } from '../helpers/cli.ts';
import { type Night, openWorkshop, type Workshop } from '../helpers/pipeline.ts';

const HOUR_MS = 3_600_000;

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.clean());

/** A segment that no entry names, so many hours old. */
async function leave(night: Night, name: string, hours: number): Promise<string> {
  const key = `seg/day=2026-01-05/${name}.arrow`;
  const path = join(night.data, key);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'rows');
  const written = new Date(Date.now() - hours * HOUR_MS);
  await utimes(path, written, written);
  return key;
}

describe('vamo prune', { timeout: 60_000 }, () => {
  it('clears what a first ingest left that died before it committed', async () => {
    const night = await workshop.night();
    const old = await leave(night, 'old', 25);
    const young = await leave(night, 'young', 1);
    expect(await night.ok('prune')).toMatchObject({ removed: [old], young: [young] });
    await night.fails('DATA_EMPTY', 'seal');
  });

  it('goes by the longest grace period that a writer went by', async () => {
    const night = await workshop.night({ simulator: { auctionsPerDay: 60 } });
    await night.ok('simulate', '--days', '1');
    const patient = await night.with({ ingest: { orphanGraceMs: 72 * HOUR_MS } });
    await patient.ok('ingest');
    const kept = await leave(night, 'kept', 50);
    const removed = await leave(night, 'removed', 73);
    const { stdout } = await vamo('prune', '--dry-run', ...night.where);
    expect(stdout).toContain('1 younger than 72 h (ingest.orphanGraceMs) kept');
    expect(await night.ok('prune')).toEqual({
      dryRun: false,
      graceMs: 72 * HOUR_MS,
      removed: [removed],
      old: [removed],
      young: [kept],
    });
  });

  it('does not take a grace period that clocks of hosts may differ by', async () => {
    const hasty = await workshop.night({ ingest: { orphanGraceMs: HOUR_MS - 1 } });
    expect((await hasty.fails('CONFIG_INVALID', 'prune')).message).toContain('orphanGraceMs');
  });
});
