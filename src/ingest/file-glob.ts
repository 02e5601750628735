import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode, VamoError } from '../core/index.ts';

/** The pattern of one name: `*` any characters, `?` one. */
function namePattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
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
  const found: string[] = [];
  if (part === '**') {
    found.push(...(await expand(folder, rest)));
    for (const entry of await entries(folder))
      if (entry.isDirectory() && !entry.name.startsWith('.'))
        found.push(...(await expand(join(folder, entry.name), parts)));
    return found;
  }
  const pattern = namePattern(part);
  for (const entry of await entries(folder)) {
    const isHidden = entry.name.startsWith('.') && !part.startsWith('.');
    if (isHidden || !pattern.test(entry.name)) continue;
    const path = join(folder, entry.name);
    if (rest.length > 0) found.push(...(await expand(path, rest)));
    else if (!entry.isDirectory()) found.push(path);
  }
  return found;
}

/**
 * The files of a pattern, sorted by path: `*` and `?` in names, `**` for any folders.
 * @throws VamoError INGEST_SOURCE when there is none
 */
export async function findFiles(glob: string): Promise<string[]> {
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
