import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  readonly files: readonly string[];
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
};

it('the package lists what is there, and builds its program before it is packed', () => {
  for (const path of [...manifest.files, ...Object.values(manifest.bin)])
    expect(existsSync(new URL(path, root)), path).toBe(true);
  expect(manifest.scripts['prepack']).toBe('npm run build');
});
