import { chmod, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ensureKeys, loadTrust } from '../../src/publisher/index.ts';
import { setUp } from '../helpers/publisher-setup.ts';

describe('keys', () => {
  it('are made once, the private one for its owner only', async () => {
    const { dir, keys } = await setUp(onTestFinished);
    const again = await ensureKeys(join(dir, 'keys'));
    expect(again.keyid).toBe(keys.keyid);
    const { mode } = await stat(join(dir, 'keys/release-key.pem'));
    expect(mode & 0o777).toBe(0o600);
  });
  it('are the same for processes that start at once', async () => {
    const { dir } = await setUp(onTestFinished);
    const made = await Promise.all([1, 2, 3, 4].map(() => ensureKeys(join(dir, 'fresh'))));
    expect(new Set(made.map(({ keyid }) => keyid)).size).toBe(1);
  });
  it.each([0o640, 0o604, 0o660])('refuses a private key of mode %o', async (mode) => {
    const { dir } = await setUp(onTestFinished);
    await chmod(join(dir, 'keys/release-key.pem'), mode);
    await expect(ensureKeys(join(dir, 'keys'))).rejects.toMatchObject({ code: 'KEY_UNSAFE' });
  });
  it('refuses a key that root.json does not trust', async () => {
    const { dir } = await setUp(onTestFinished);
    await rm(join(dir, 'keys/release-key.pem'));
    await expect(ensureKeys(join(dir, 'keys'))).rejects.toMatchObject({
      code: 'RELEASE_SIGNATURE',
    });
  });
  it('makes root.json again from the private key after a crash between the two', async () => {
    const { dir, keys } = await setUp(onTestFinished);
    await rm(join(dir, 'keys/root.json'));
    expect((await ensureKeys(join(dir, 'keys'))).trusted.keys.has(keys.keyid)).toBe(true);
  });
  it.each(['not json', '{"schema":"root/v1","generation":1,"keys":[]}', '{"__proto__":{}}'])(
    'refuses the root %s',
    async (text) => {
      const { dir } = await setUp(onTestFinished);
      await writeFile(join(dir, 'keys/root.json'), text);
      await expect(loadTrust(join(dir, 'keys'))).rejects.toMatchObject({
        code: 'RELEASE_SIGNATURE',
      });
    },
  );
  it('does not follow a link to a key', async () => {
    const { dir } = await setUp(onTestFinished);
    await mkdir(join(dir, 'linked'));
    await symlink(join(dir, 'keys/root.json'), join(dir, 'linked/root.json'));
    await expect(loadTrust(join(dir, 'linked'))).rejects.toMatchObject({
      code: 'RELEASE_SIGNATURE',
    });
  });
});
