import { parseArgs, type ParseArgsConfig } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/**
 * A benchmark's options from the command line; `--help` prints them with their defaults and ends the
 * process, an unknown one ends it with exit code 2.
 * @param about what the benchmark measures, in a line
 */
export function benchOptions<T extends Options>(about: string, options: T) {
  const help = { help: { type: 'boolean', default: false } } as const;
  try {
    const { values } = parseArgs({ options: { ...options, ...help } });
    if (!(values as { help?: boolean }).help) return parseArgs({ options, strict: true }).values;
  } catch (error) {
    console.error(`${(error as Error).message.split('. ')[0]}.\n\n${usage(about, options)}`);
    process.exit(2);
  }
  console.log(usage(about, options));
  process.exit(0);
}

function usage(about: string, options: Options): string {
  const lines = Object.entries(options).map(([name, { type, default: value }]) => {
    const shown = type === 'boolean' ? `--${name}` : `--${name} VALUE`;
    return `  ${shown.padEnd(22)}${typeof value === 'string' ? ` default ${value}` : ''}`;
  });
  return [about, '', ...lines].map((line) => line.trimEnd()).join('\n');
}

/** A whole number of at least 1 from the command line. @throws RangeError naming the option */
export function atLeastOne(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`--${name} ${text}: not a whole number of at least 1`);
  return value;
}

/** One of the names allowed. @throws RangeError naming the option and what is known */
export function oneOf<T extends string>(option: string, name: string, names: readonly T[]): T {
  const found = names.find((known) => known === name);
  if (found === undefined) throw new RangeError(`--${option} ${name}: known are ${names.join()}`);
  return found;
}
