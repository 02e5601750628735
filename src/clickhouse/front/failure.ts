/** An error as ClickHouse's HTTP interface tells it. */
export interface Failure {
  readonly status: number;
  readonly code: number;
  readonly text: string;
}

/** The server's numbers of the errors that the front itself finds. */
export const CODES = {
  notImplemented: 48,
  unauthorized: 516,
  tooLarge: 307,
  readonly: 164,
  internal: 1002,
};

const STATUS: Readonly<Record<number, number>> = {
  27: 400, // cannot parse the input
  36: 400, // bad arguments
  38: 400, // cannot parse a date
  41: 400, // cannot parse a time
  46: 404, // unknown function
  47: 404, // unknown identifier
  48: 501,
  53: 400, // type mismatch
  60: 404, // unknown table
  62: 400, // syntax error
  72: 400, // cannot parse a number
  81: 404, // unknown database
  115: 404, // unknown setting
  117: 400, // incorrect data
  307: 413,
  516: 403,
};

export function failure(code: number, type: string, reason: string): Failure {
  const status = STATUS[code] ?? 500;
  return { status, code, text: `Code: ${code}. DB::Exception: ${reason} (${type})\n` };
}

/** What the engine threw: its message says its number. */
export function engineFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const code = Number(/^Code: (\d+)/.exec(message)?.[1] ?? CODES.internal);
  if (code === CODES.internal) return failure(code, 'UNKNOWN_EXCEPTION', message);
  return { status: STATUS[code] ?? 500, code, text: `${message}\n` };
}
