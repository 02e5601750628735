import { createHash } from 'node:crypto';

/** SHA-256 of bytes or UTF-8 text, in lower-case hex. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/**
 * JSON with object keys in sorted order at every depth and no spaces: equal values, equal text.
 * For digests of configs and manifests. Undefined members are left out, as in JSON.
 */
export function stableJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(stableJson).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${JSON.stringify(k)}:${stableJson(v)}`);
  return `{${members.join(',')}}`;
}
