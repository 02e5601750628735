/**
 * A setting of a native library that reads it from the environment when it is loaded. What the
 * environment says already stays.
 */
export function setIfUnset(variable: string, value: string): void {
  process.env[variable] ??= value;
}

/** What the environment says; secrets stand there and nowhere else. */
export function environmentValue(variable: string): string | undefined {
  return process.env[variable];
}
