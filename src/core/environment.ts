/**
 * A setting of a native library that reads it from the environment when it is loaded. What the
 * environment says already stays.
 */
export function setIfUnset(variable: string, value: string): void {
  process.env[variable] ??= value;
}
