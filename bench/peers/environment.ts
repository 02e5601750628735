import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { sha256 } from '../../src/core/index.ts';

/** Something a person must install or mend before the peer can run. */
export class EnvironmentError extends Error {}

/** Prints `name==version` of each installed requirement, without build labels such as `+cpu`. */
const VERSIONS = `
import sys
from importlib.metadata import PackageNotFoundError, version
for name in sys.argv[1:]:
    try: print(f"{name}=={version(name).partition('+')[0]}")
    except PackageNotFoundError: pass
`;

/** Runs to the end; its output, or null when the program is missing or fails. */
function outputOf(program: string, ...args: string[]): string | null {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? stdout : null;
}

/** As `outputOf`, with the program's own messages shown on standard error. */
function runs(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: ['ignore', 2, 2] }).status === 0;
}

/**
 * The Python of a virtual environment that holds exactly the pinned requirements. It is made on the
 * first call and kept; its marker, the digest of the requirements, is written last, so a broken-off
 * installation is done again. An environment without marker is taken over when its versions match.
 * @param file requirements, one `name==version` a line
 * @param folder where the environment is or comes to be; an unfit one is replaced
 * @throws EnvironmentError naming what is missing
 */
export function preparePython(file: string, folder: string, log: (line: string) => void): string {
  const python = `${folder}/bin/python`;
  const marker = `${folder}/requirements.sha256`;
  const text = readFileSync(file, 'utf8');
  const key = sha256(text);
  if (existsSync(python) && existsSync(marker) && readFileSync(marker, 'utf8') === key)
    return python;
  const pins = text.split('\n').filter((line) => line !== '');
  const fits = (): boolean => {
    const names = pins.map((pin) => pin.split('==')[0] ?? pin);
    const found =
      outputOf(python, '-c', VERSIONS, ...names)
        ?.trim()
        .split('\n') ?? [];
    return pins.every((pin) => found.includes(pin));
  };
  if (!fits()) install(python, { pins, file, folder, log });
  if (!fits()) throw new EnvironmentError(`${folder} does not hold ${pins.join(', ')}`);
  writeFileSync(marker, key);
  return python;
}

function install(
  python: string,
  {
    pins,
    file,
    folder,
    log,
  }: { pins: readonly string[]; file: string; folder: string; log: (line: string) => void },
): void {
  if (outputOf('python3', '-c', 'import sys; assert sys.version_info >= (3, 11)') === null)
    throw new EnvironmentError('the peer needs python3, version 3.11 or newer, on the PATH');
  log(`installing ${pins.join(', ')} into ${folder}: once, takes minutes`);
  rmSync(folder, { recursive: true, force: true });
  if (!runs('python3', '-m', 'venv', folder) || !runs(python, '-m', 'pip', '--version'))
    throw new EnvironmentError(
      'python3 could not make a virtual environment with pip: install its venv and pip packages',
    );
  if (!runs(python, '-m', 'pip', 'install', '--quiet', '-r', file))
    throw new EnvironmentError(`pip could not install ${pins.join(', ')}: see its message above`);
}
