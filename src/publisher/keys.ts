import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  type KeyObject,
} from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonBytes, keyIdOf, parseTrustRoot, type TrustedKeys } from '../contracts/index.ts';
import { systemCode, VamoError } from '../core/index.ts';

const PRIVATE_FILE = 'release-key.pem';
const ROOT_FILE = 'root.json';

/** What signs releases, with the public keys everyone checks them against. */
export interface SigningKeys {
  readonly keyid: string;
  readonly privateKey: KeyObject;
  readonly trusted: TrustedKeys;
}

/**
 * The keys of a directory, made on first use: an ed25519 private key readable by its owner only,
 * and root.json with the public key. Safe when several processes start at once.
 * @throws VamoError KEY_UNSAFE when others may read the private key; RELEASE_SIGNATURE when the key
 * is not among those root.json trusts.
 */
export async function ensureKeys(dir: string): Promise<SigningKeys> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const keyPath = join(dir, PRIVATE_FILE);
  const rootPath = join(dir, ROOT_FILE);
  const { privateKey: fresh } = generateKeyPairSync('ed25519');
  const pem = fresh.export({ type: 'pkcs8', format: 'pem' }) as string;
  await createOnce(keyPath, Buffer.from(pem), 0o600);
  const privateKey = await readPrivateKey(keyPath);
  const publicKey = createPublicKey(privateKey);
  const keyid = keyIdOf(publicKey);
  const root = {
    schema: 'root/v1',
    generation: 1,
    keys: [{ keyid, publicKey: publicKey.export({ type: 'spki', format: 'pem' }) }],
  };
  await createOnce(rootPath, jsonBytes(root), 0o644);
  const trusted = await loadTrust(dir);
  if (!trusted.keys.has(keyid))
    throw new VamoError('RELEASE_SIGNATURE', `${rootPath} does not trust the key ${keyPath}`);
  return { keyid, privateKey, trusted };
}

/**
 * The public keys of a directory: all a bidder needs.
 * @throws VamoError RELEASE_NONE when there is no root.json; RELEASE_SIGNATURE when it is not one
 */
export async function loadTrust(dir: string): Promise<TrustedKeys> {
  const path = join(dir, ROOT_FILE);
  try {
    return parseTrustRoot(await readNoFollow(path, () => undefined));
  } catch (cause) {
    if (systemCode(cause) === undefined || cause instanceof VamoError) throw cause;
    if (systemCode(cause) === 'ENOENT')
      throw new VamoError('RELEASE_NONE', `nothing is released yet: there is no ${path}`, {
        cause,
      });
    throw new VamoError('RELEASE_SIGNATURE', `${path} cannot be read`, { cause });
  }
}

async function readPrivateKey(path: string): Promise<KeyObject> {
  const pem = await readNoFollow(path, (mode) => {
    if ((mode & 0o077) !== 0)
      throw new VamoError(
        'KEY_UNSAFE',
        `${path} has mode ${(mode & 0o777).toString(8)}: others may read it`,
      );
  });
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519')
    throw new VamoError('RELEASE_SIGNATURE', `${path} is not an ed25519 key`);
  return key;
}

/** Reads through one descriptor, so that what is checked is what is read; links are refused. */
async function readNoFollow(path: string, check: (mode: number) => void): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    check((await file.stat()).mode);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Creates a file whole or not at all; leaves the one that is there. */
async function createOnce(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(temporary);
  }
}
