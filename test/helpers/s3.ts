import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { S3Settings } from '../../src/contracts/index.ts';
import { listenOnce } from './kafka.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/s3.sh', import.meta.url));
const call = promisify(execFile);

/** What the environment of a process that uses the server must hold; it takes any. */
export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

export interface S3Service {
  /** Settings of a store in a bucket that is there. */
  settings(prefix: string): S3Settings;
  stop(): Promise<void>;
}

/** Why no S3 server can be had here; undefined when one can. */
export function s3Missing(): string | undefined {
  try {
    execFileSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'python3 with venv and pip is not installed (the S3 server comes from PyPI)';
  }
}

/** Starts a real S3-compatible server on a free port, fetching it on first use, and makes a bucket. */
export async function startS3(): Promise<S3Service> {
  const folder = await mkdtemp(join(tmpdir(), 'vamo-s3-'));
  const { stdout } = await call(SCRIPT, ['start', folder, String(await listenOnce(0))]);
  const endpoint = stdout.trim();
  const bucket = 'vamo-test';
  const made = await fetch(`${endpoint}/${bucket}`, { method: 'PUT' });
  if (!made.ok) throw new Error(`no bucket could be made: HTTP ${made.status}`);
  return {
    settings: (prefix) => ({
      kind: 's3',
      endpoint,
      region: 'us-east-1',
      bucket,
      prefix,
      pathStyle: true,
    }),
    async stop() {
      await call(SCRIPT, ['stop', folder]);
      await rm(folder, { recursive: true });
    },
  };
}
