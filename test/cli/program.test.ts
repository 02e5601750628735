import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createProgram, orderArguments } from '../../src/cli/program.ts';
import { usageExit } from '../../src/cli/run-command.ts';

interface Parsed {
  readonly command: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What the argument parser makes of a command line, without doing it. */
async function parse(args: readonly string[]): Promise<Parsed> {
  const ordered = orderArguments(args);
  const parsed: Parsed[] = [];
  const keep = (spec: { readonly name: string }, options: object): Promise<void> => {
    parsed.push({ command: spec.name, options: Object.fromEntries(Object.entries(options)) });
    return Promise.resolve();
  };
  const program = await createProgram(ordered[0] ?? '', { command: keep, diagnosis: keep });
  program.configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  for (const command of program.commands) command.configureOutput(program.configureOutput());
  await program.parseAsync(ordered, { from: 'user' });
  expect(parsed, args.join(' ')).toHaveLength(1);
  return parsed[0]!;
}

/** A shell line's words: quotes group, a pipe ends it. */
function words(line: string): string[] {
  const found = line.split(' | ')[0]!.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  return found.map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
}

/** The name under which the parser keeps an option: `--no-wait` is `wait`, `--at-end` is `atEnd`. */
const optionName = (flag: string): string =>
  flag.replace(/^--(no-)?/, '').replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

const ignore = (): Promise<void> => Promise.resolve();

/** The help of each command, as `vamo COMMAND --help` prints it. */
async function helps(): Promise<ReadonlyMap<string, string>> {
  const program = await createProgram('', { command: ignore, diagnosis: ignore });
  return new Map(
    program.commands.map((command) => {
      let text = '';
      command.configureOutput({ writeOut: (part) => (text += part) });
      command.outputHelp();
      return [command.name(), text] as const;
    }),
  );
}

async function examples(): Promise<string[]> {
  const text = [...HELPS.values()].join('\n');
  const shown = [...text.matchAll(/^ {2}\$ vamo (.*)$/gm)].map(([, line]) => line!);
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const told = [...readme.matchAll(/^ {4}npm run -s vamo -- (.*)$/gm)].map(([, line]) => line!);
  expect(told.length).toBeGreaterThan(0);
  return [...shown, ...told, ...(await unitLines())];
}

/** The command lines of the systemd units, with an instance and a port put in. */
async function unitLines(): Promise<string[]> {
  const folder = new URL('../../deploy/systemd/', import.meta.url);
  const units = (await readdir(folder)).filter((name) => name.endsWith('.service'));
  const texts = await Promise.all(units.map((name) => readFile(new URL(name, folder), 'utf8')));
  return texts.flatMap((text) =>
    [...text.matchAll(/^ExecStart=\S*\/vamo (.*)$/gm)].map(([, line]) =>
      line!.replaceAll('%i', 'b1').replaceAll('${PORT}', '7401'),
    ),
  );
}

const HELPS = await helps();
const EXAMPLES = await examples();

describe('the help of every command', () => {
  it.each([...HELPS])('%s shows an example and the common options', (command, text) => {
    expect(text).toContain(`$ vamo ${command}`);
    for (const option of ['--data', '--config', '--json']) expect(text).toContain(option);
  });
});

describe('every example of the help, the README and the units', () => {
  it.each(EXAMPLES)('vamo %s', async (line) => {
    const args = words(line);
    const { command, options } = await parse(args);
    expect(command).toBe(args[0]);
    args.forEach((flag, i) => {
      if (!flag.startsWith('--')) return;
      const value = options[optionName(flag)];
      expect(value, flag).toBeDefined();
      const given = args[i + 1];
      if (typeof value === 'boolean') return;
      if (typeof value === 'object' && !Array.isArray(value))
        expect(value, flag).toEqual(JSON.parse(given!));
      else expect(JSON.stringify(value).replace(/^\["|"\]$|"/g, ''), flag).toBe(given);
    });
  });
});

describe('options that every command has', () => {
  const expected = { data: 'd', config: ['c.json'], json: true, verbose: true };
  it.each([
    '--json --data d --config c.json --verbose days',
    '--data=d --config=c.json --json days --verbose',
    'days --json --data d --config c.json --verbose',
  ])('%s', async (line) => {
    expect(await parse(line.split(' '))).toEqual({ command: 'days', options: expected });
  });
  it.each([
    ['--json', ''],
    ['--data', ''],
    ['--json --version', '--version'],
    ['--json help days', 'help days'],
    ['help days --json', 'help days'],
    ['--data d trian', 'trian'],
  ])('mean nothing without a command: %s', (line, left) => {
    expect(orderArguments(line.split(' ')).join(' ')).toBe(left);
  });
});

describe('names', () => {
  it.each([
    ['publish', '--run', '../../etc'],
    ['publish', '--run', 'latest'],
    ['bidder', '--id', 'B 1'],
    ['bidder', '--id', '../b1'],
  ])('of another form are bad usage: %s %s %s', async (...args) => {
    const refused = parse(args);
    await expect(refused).rejects.toMatchObject({ code: 'commander.invalidArgument' });
    expect(usageExit(await refused.catch((error: unknown) => error), false)).toBe(2);
  });
});

describe('the program', () => {
  it.each(['evaluate --version 2026-01-15-r0-9f3c1a77e0b2', 'days --version'])(
    'does not take its own option from a command: %s',
    async (line) => {
      await expect(parse(line.split(' '))).rejects.toMatchObject({
        code: 'commander.unknownOption',
      });
    },
  );
});
