import { execFile } from 'node:child_process';
import type { Finding } from './finding.ts';

/** What some parts can use, none of it needed by the default pipeline. */
const TOOLS = [
  {
    name: 'java',
    command: ['java', '-version'],
    use: 'tests on a real Kafka broker (17 or newer)',
  },
  { name: 'mvn', command: ['mvn', '--version'], use: 'tests on a real Kafka broker' },
  { name: 'python3', command: ['python3', '--version'], use: 'the clients and peers in Python' },
  {
    name: 'nvidia-smi',
    command: ['nvidia-smi', '--query-gpu=name,driver_version', '--format=csv,noheader'],
    use: 'the engine cuda',
  },
] as const;

/** The optional programs on the path, by the first line they say of themselves. */
export function toolFindings(): Promise<readonly Finding[]> {
  return Promise.all(
    TOOLS.map(async ({ name, command: [program, ...args], use }): Promise<Finding> => {
      const said = await firstLine(program, args);
      const base = { name, isRequired: false };
      return said === undefined
        ? { ...base, state: 'absent', detail: `not there; for ${use}` }
        : { ...base, state: 'ok', detail: said };
    }),
  );
}

/** Some tools say their version on stderr. */
function firstLine(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 10_000 }, (error, stdout, stderr) => {
      const [line] = `${stdout}\n${stderr}`.split('\n').filter((text) => text.trim() !== '');
      resolve(error ? undefined : line?.replaceAll('\u001b[1m', '').replaceAll('\u001b[m', ''));
    });
  });
}
