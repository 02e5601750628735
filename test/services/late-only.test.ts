import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vamo } from '../helpers/cli.ts';
import { type DayReport, filesUnder, openWorkshop, type Workshop } from '../helpers/pipeline.ts';

let workshop: Workshop;
beforeAll(async () => void (workshop = await openWorkshop()));
afterAll(() => workshop.clean());

interface Sealed {
  readonly sealed: readonly { readonly day: string }[];
  readonly late: readonly { readonly day: string; readonly rows: number }[];
}

interface Line {
  readonly value: { readonly kind: string };
}

const LONG_AGO = '2001-01-01';

describe('a day of which all rows are late', { timeout: 120_000 }, () => {
  it('is left open by `vamo seal`, and keeps no other day out', async () => {
    const night = await workshop.night({ simulator: { auctionsPerDay: 60 } });
    await night.ok('simulate', '--days', '3');
    const logs = (await filesUnder(night, 'log')).filter((path) => path.endsWith('.jsonl'));
    const path = join(night.data, logs[0] ?? '');
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const last = lines
      .map((line) => JSON.parse(line) as Line)
      .findLast(({ value }) => value.kind === 'outcome')!;
    const stray = { ...last.value, event_id: 'stray', event_time: Date.parse(LONG_AGO) };
    await appendFile(path, `${JSON.stringify({ ...last, value: stray })}\n`);
    await night.ok('ingest');

    const late = [{ day: LONG_AGO, rows: 1 }];
    const days = ['2026-01-05', '2026-01-06'];
    const first = await night.ok<Sealed>('seal');
    expect([first.sealed.map(({ day }) => day), first.late]).toEqual([days, late]);
    const again = await night.ok<Sealed>('seal');
    expect([again.sealed, again.late]).toEqual([[], late]);
    const { stdout } = await vamo('seal', ...night.where);
    expect(stdout).toContain(`left open, as all their rows came late: ${LONG_AGO} (1);`);
    const loaded = { rows: days.map((day) => ({ day })) };
    const asked = ['days', '--sql', 'SELECT DISTINCT day FROM events ORDER BY day'];
    expect(await night.ok(...asked)).toEqual(loaded);

    // Asked for by name it is made, empty; its row is counted, and can be taken in.
    const { stdout: made } = await vamo('seal', '--day', LONG_AGO, ...night.where);
    expect(made).toContain(`all 1 came late: \`vamo amend ${LONG_AGO}\` takes them in`);
    const report = async () => (await night.ok<{ days: DayReport[] }>('days', LONG_AGO)).days[0];
    expect(await report()).toMatchObject({ records: 1, accepted: 0, duplicate: 0, late: 1 });
    expect(await night.ok(...asked)).toEqual(loaded);
    await night.ok('verify');
    await night.ok('amend', LONG_AGO);
    expect(await report()).toMatchObject({ records: 1, accepted: 1, late: 0 });
    await night.ok('verify');
  });
});
