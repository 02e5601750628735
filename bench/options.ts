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
