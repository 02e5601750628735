import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stampBuild } from '../../scripts/build-stamp.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Builds `dist` once before the tests: command-line tests run what is shipped, and start faster. */
export function setup(): void {
  const flags = ['--noCheck', '--declaration', 'false', '--sourceMap', 'false'];
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', ...flags], { cwd: root });
  stampBuild();
}
