import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode, VamoError } from '../core/index.ts';

/** The pattern of one name: `*` any characters, `?` one; hidden names only by a dot of its own. */
function nameSource(glob: string): string {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return glob.startsWith('.') ? source : `(?!\\.)${source}`;
}

/** A pattern of an object store's keys: what they begin with, and which of these are meant. */
export function keyPattern(glob: string): { readonly prefix: string; test(key: string): boolean } {
  const wild = glob.search(/[*?]/);
  const parts = glob.split('/');
  const source = parts.map((part, i) => {
    if (part === '**') return '(?:(?!\\.)[^/]+/)*';
    return `${nameSource(part)}${i < parts.length - 1 ? '/' : ''}`;
  });
  const pattern = new RegExp(`^${source.join('')}$`, 's');
  return {
    prefix: wild < 0 ? glob : glob.slice(0, wild),
    test: (key) => !key.endsWith('/') && pattern.test(key),
  };
}

async function entries(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(cause) ?? '')) return [];
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VamoError('INGEST_SOURCE', `cannot read ${folder}: ${reason}`, { cause });
  }
}

async function expand(folder: string, parts: readonly string[]): Promise<string[]> {
  const [part = '', ...rest] = parts;
  if (part === '**') {
    const found = [await expand(folder, rest)];
    for (const entry of await entries(folder))
      if (entry.isDirectory() && !entry.name.startsWith('.'))
        found.push(await expand(join(folder, entry.name), parts));
    return found.flat();
  }
  const found: string[][] = [];
  const pattern = new RegExp(`^${nameSource(part)}$`, 's');
  for (const entry of await entries(folder)) {
    if (!pattern.test(entry.name)) continue;
    const path = join(folder, entry.name);
    if (rest.length > 0) found.push(await expand(path, rest));
    else if (!entry.isDirectory()) found.push([path]);
  }
  return found.flat();
}

/**
 * The files of a pattern, sorted by path: `*` and `?` in names, `**` for any folders.
 * @throws VamoError INGEST_SOURCE when there is none, or they lie on no file system
 */
export async function findFiles(glob: string): Promise<string[]> {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(glob)?.[0];
  if (scheme !== undefined)
    throw new VamoError('INGEST_SOURCE', `${glob}: files of ${scheme} are not read here`, {
      mend: 'Copy them to this host, or, of s3://, take them in by `vamo backfill --files`.',
      details: { path: glob },
    });
  const path = resolve(glob);
  const at = path.search(/[*?]/);
  const base = at < 0 ? dirname(path) : dirname(`${path.slice(0, at)}x`);
  const parts = path
    .slice(base.length)
    .split('/')
    .filter((part) => part !== '');
  const found = [...new Set(await expand(base, parts))].sort();
  if (found.length === 0)
    throw new VamoError('INGEST_SOURCE', `no file is named ${path}`, {
      mend: 'Correct the pattern; `*` and `?` stand for characters of a name, `**` for folders.',
      details: { path },
    });
  return found;
}
