import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemCode } from '../../src/core/index.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const REQUIREMENTS = join(ROOT, 'clients', 'requirements.txt');
const INSTALL_MS = 300_000;
const call = promisify(execFile);

/** An interpreter that has what `clients/` needs, or why there is none. */
export type ClientsPython = { readonly python: string } | { readonly missing: string };

export interface ClientResult {
  readonly status: number;
  readonly output: string;
}

/** Runs a script of `clients/` to its exit code. */
export async function runClient(
  python: string,
  script: string,
  ...args: readonly string[]
): Promise<ClientResult> {
  try {
    const { stdout, stderr } = await call(python, [join(ROOT, 'clients', script), ...args]);
    return { status: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { status: code, output: stdout + stderr };
  }
}

function pythonMissing(): string | undefined {
  try {
    execFileSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'python3 with venv and pip is not installed';
  }
}

/** Waits for a folder of that name to be gone, then makes it; one that a killed run left does not count. */
async function lock(path: string): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    try {
      await mkdir(path);
      return () => rm(path, { recursive: true, force: true });
    } catch (error) {
      const made = await stat(path).catch(() => undefined);
      if (made === undefined && systemCode(error) !== 'EEXIST') throw error;
      if (made && Date.now() - made.mtimeMs > INSTALL_MS) await rm(path, { recursive: true });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/**
 * A virtual environment under .cache, made once per content of clients/requirements.txt.
 * @throws Error with CI=true, when there is no Python or the requirements cannot be installed
 */
export async function clientsPython(): Promise<ClientsPython> {
  const missing = pythonMissing();
  if (missing !== undefined) {
    if (process.env['CI'] === 'true') throw new Error(missing);
    return { missing };
  }
  const key = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex');
  const folder = join(ROOT, '.cache', 'clients-venv', key.slice(0, 12));
  const python = join(folder, 'bin', 'python');
  const whole = join(folder, 'installed');
  if (existsSync(whole)) return { python };
  const release = await lock(`${folder}.lock`);
  try {
    // Another test file may have made it meanwhile.
    if (existsSync(whole)) return { python };
    await call('python3', ['-m', 'venv', '--clear', folder], { timeout: INSTALL_MS });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await call(python, [...install, '-r', REQUIREMENTS], { timeout: INSTALL_MS });
    await writeFile(whole, '');
    return { python };
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return { missing: `clients/requirements.txt cannot be installed: ${String(error)}` };
  } finally {
    await release();
  }
}
