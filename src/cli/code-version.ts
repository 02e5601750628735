import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../core/index.ts';

const HERE = new URL('.', import.meta.url);
/** Written beside the build by `npm run build`, so that it and its sources are one version. */
const STAMP = new URL('../code-digest.txt', HERE);

/** Digest of the program's own sources, by path. */
export function sourceDigest(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
  return sha256(files.map((path) => `${path}:${sha256(readFileSync(join(folder, path)))}`).join());
}

/** The package's version. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', HERE), 'utf8');
  const parsed = JSON.parse(text) as { readonly version: string };
  return parsed.version;
}

/** The code in lineages: the package's version and what its sources are, `0.1.0+1a2b3c4d5e6f`. */
export function codeVersion(): string {
  const isSource = import.meta.url.endsWith('.ts');
  const digest = isSource
    ? sourceDigest(fileURLToPath(new URL('..', HERE)))
    : readFileSync(STAMP, 'utf8').trim();
  return `${packageVersion()}+${digest.slice(0, 12)}`;
}
