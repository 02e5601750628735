import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

/** Facts about a failure: the field, the value, the file; never secrets. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error of this project. `code` comes from the registry in `error-codes.ts`, which also
 * holds the mend that is printed with it and whether the same call may succeed when repeated.
 */
export class VamoError extends Error {
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly mend: string;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: ErrorDetails; cause?: unknown; mend?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'VamoError';
    this.code = code;
    this.retriable = ERROR_CODES[code].retriable;
    this.mend = options.mend ?? ERROR_CODES[code].mend;
    this.details = options.details ?? {};
  }
}

/** True when `error` is a VamoError, of the given code if one is named. */
export function isVamoError(error: unknown, code?: ErrorCode): error is VamoError {
  return error instanceof VamoError && (code === undefined || error.code === code);
}

/** The system's error code (`ENOENT`, `ENOSPC`, ...) of a failed call, if it carries one. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Where an error was thrown, and each error that caused it. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}
