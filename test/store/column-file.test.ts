import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableFromIPC, tableToIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  columnsDigest,
  columnsFingerprint,
  fileColumnsDigest,
  fileFingerprint,
  fileSha256,
} from '../../src/store/index.ts';
import { sha256 } from '../../src/core/index.ts';
import { encodeColumns, integerColumn, textColumn } from '../../src/store/column-builder.ts';
import { temporaryFolder } from '../helpers/days-fixture.ts';

const COLUMNS = { name: 'text', value: 'int64', note: 'text' } as const;

function encode(rows: number, first: number): Uint8Array {
  const [name, value, note] = [textColumn(), integerColumn(), textColumn()];
  for (let i = 0; i < rows; i++) {
    name.set(i, i % 3 === 0 ? '' : `ü${String(first + Math.floor(i / 2))}`);
    value.set(i, i % 4 === 0 ? 0 : (first + i) * (i % 2 === 0 ? -1e9 : 1e9));
    note.set(i, 'same');
  }
  return encodeColumns({ name, value, note }, rows);
}

/** A file of several record batches, one of them empty. */
function several(): Uint8Array {
  const parts = [encode(700, 0), encode(0, 0), encode(1, 5), encode(300, 900)];
  const [first, ...others] = parts.map((bytes) => tableFromIPC(bytes));
  return tableToIPC(first!.concat(...others), 'file');
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let path: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  path = join(folder.path, 'rows.arrow');
});
afterAll(() => folder.remove());

describe('a columnar file read in pieces', () => {
  it.each([
    ['one batch', encode(1000, 0)],
    ['no rows', encode(0, 0)],
    ['several batches', several()],
  ])('has the digests of its bytes: %s', async (_, bytes) => {
    await writeFile(path, bytes);
    expect(await fileColumnsDigest(path, COLUMNS)).toBe(columnsDigest(bytes, COLUMNS));
    expect(await fileFingerprint(path, COLUMNS)).toEqual(columnsFingerprint(bytes, COLUMNS));
    const whole = { sha256: sha256(bytes), bytes: bytes.byteLength };
    for (const piece of [undefined, 100, 4096])
      expect(await fileSha256(path, piece)).toEqual(whole);
  });

  it('is refused when a column is missing or of another type, or when it is cut short', async () => {
    const bytes = encode(1000, 0);
    await writeFile(path, bytes);
    const corrupt = (message: string) =>
      expect.objectContaining({ code: 'STORE_CORRUPT', message }) as unknown;
    await expect(fileColumnsDigest(path, { other: 'text' })).rejects.toEqual(
      corrupt(`${path}: column other is missing`),
    );
    await expect(fileColumnsDigest(path, { name: 'int64' })).rejects.toEqual(
      corrupt(`${path}: column name is text, not int64`),
    );
    await truncate(path, bytes.byteLength - 100);
    await expect(fileColumnsDigest(path, COLUMNS)).rejects.toEqual(
      corrupt(`${path}: not a readable Arrow file`),
    );
  });
});
