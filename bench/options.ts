/** A whole number of at least 1 from the command line. @throws RangeError naming the option */
export function atLeastOne(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`--${name} ${text}: not a whole number of at least 1`);
  return value;
}
