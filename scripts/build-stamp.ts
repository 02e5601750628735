import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sourceDigest } from '../src/cli/code-version.ts';

/** Puts the digest of the sources beside the build: it belongs to the lineage of what it trains. */
export function stampBuild(): void {
  const sources = fileURLToPath(new URL('../src', import.meta.url));
  writeFileSync(new URL('../dist/code-digest.txt', import.meta.url), `${sourceDigest(sources)}\n`);
}
