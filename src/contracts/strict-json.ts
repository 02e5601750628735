import type { z } from 'zod';
import { type ErrorCode, VamoError } from '../core/index.ts';

/** What is being read, for messages, the error it gives, and the most bytes that are looked at. */
export interface JsonSource {
  readonly what: string;
  readonly code: ErrorCode;
  readonly maxBytes: number;
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('the key "__proto__" is not allowed');
  return value;
}

/**
 * Reads JSON that came from outside: byte cap before parsing, UTF-8 only, no `__proto__`, then the
 * schema.
 * @throws VamoError of `source.code`, naming the field.
 */
export function readJson<T>(schema: z.ZodType<T>, bytes: Uint8Array, source: JsonSource): T {
  const { what, code, maxBytes } = source;
  if (bytes.length > maxBytes)
    throw new VamoError(code, `${what}: ${bytes.length} bytes, at most ${maxBytes} allowed`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), refuseProto);
  } catch (cause) {
    throw new VamoError(code, `${what}: not JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.map(String).join('.') ?? '';
  throw new VamoError(code, `${what}: ${field === '' ? '' : `${field}: `}${issue?.message ?? ''}`, {
    details: { what, field },
  });
}

/** Pretty JSON with a final newline: the bytes of every small file a person may open. */
export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
