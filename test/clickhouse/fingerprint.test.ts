import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbedded, type Engine } from '../../src/clickhouse/index.ts';
import { fingerprintOf } from '../../src/clickhouse/fingerprint-sql.ts';
import { columnsFingerprint } from '../../src/store/index.ts';
import { encodeColumns, integerColumn, textColumn } from '../../src/store/column-builder.ts';
import { temporaryFolder } from '../helpers/days-fixture.ts';

const COLUMNS = { name: 'text', value: 'int64', other: 'int64', note: 'text' } as const;
type Row = readonly [name: string, value: number, other: number, note: string];

function encode(rows: readonly Row[]): Uint8Array {
  const [name, value, other, note] = [textColumn(), integerColumn(), integerColumn(), textColumn()];
  rows.forEach((row, i) => {
    name.set(i, row[0]);
    value.set(i, row[1]);
    other.set(i, row[2]);
    note.set(i, row[3]);
  });
  return encodeColumns({ name, value, other, note }, rows.length);
}

const fingerprint = (rows: readonly Row[]) => columnsFingerprint(encode(rows), COLUMNS);
const integer = fc.maxSafeInteger();
const text = fc.string({ maxLength: 12, unit: 'binary' });
const rowsOf = fc.array(fc.tuple(text, integer, integer, text), { minLength: 2, maxLength: 30 });

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engine: Engine;
beforeAll(async () => {
  folder = await temporaryFolder();
  engine = await openEmbedded(join(folder.path, 'engine'));
});
afterAll(async () => {
  await engine.close();
  await folder.remove();
});

describe('a fingerprint', () => {
  it('is the same here and in SQL', async () => {
    await engine.command(
      'CREATE TABLE f (name String, value Int64, other Int64, note String) ENGINE = Memory',
    );
    const sql = `SELECT ${fingerprintOf(COLUMNS)} FROM f`;
    const path = join(folder.path, 'rows.arrow');
    const one: Row[] = [
      ['', 0, -1, 'ü'],
      ['a', -Number.MAX_SAFE_INTEGER, 4294967296, ''],
    ];
    const repeated = Array.from({ length: 9 }, (_, i): Row => [
      'same',
      0,
      i % 2,
      i % 3 === 0 ? '' : 'x',
    ]);
    const cases: Row[][] = [[], one, repeated, ...fc.sample(rowsOf, { numRuns: 20, seed: 7 })];
    for (const rows of cases) {
      await engine.command('TRUNCATE TABLE f');
      await writeFile(path, encode(rows));
      if (rows.length > 0)
        await engine.load(
          { paths: [path], columns: COLUMNS },
          (s) => `INSERT INTO f SELECT * FROM ${s}`,
        );
      expect((await engine.query(sql))[0]).toEqual(fingerprint(rows));
    }
  });

  it('does not depend on the order of rows, but on every value and which stood together', () => {
    const row = fc.tuple(text, integer, integer, text);
    fc.assert(
      fc.property(row, row, fc.array(row), (one, two, rest) => {
        const whole = fingerprint([one, two, ...rest]);
        expect(fingerprint([...rest, two, one])).toEqual(whole);
        const [name, value, other, note] = one;
        const differing: Row[][] = [
          [[`${name}x`, value, other, note], two, ...rest],
          [[name, value === 0 ? 1 : -value, other, note], two, ...rest],
          [one, two, two, ...rest],
          [one, ...rest],
        ];
        // Values that change places.
        if (value !== other) differing.push([[name, other, value, note], two, ...rest]);
        if (value !== two[1] && name !== two[0])
          differing.push([[name, two[1], other, note], [two[0], value, two[2], two[3]], ...rest]);
        for (const rows of differing) expect(fingerprint(rows)).not.toEqual(whole);
      }),
      { seed: 11, numRuns: 60 },
    );
  });
});
