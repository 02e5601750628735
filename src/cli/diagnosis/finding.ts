import { isVamoError } from '../../core/index.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  /** `absent`: not there, and not needed by the default pipeline. */
  readonly state: 'ok' | 'absent' | 'failed';
  /** Whether the default pipeline needs it. */
  readonly isRequired: boolean;
  readonly detail: string;
  readonly mend?: string | undefined;
}

/** The finding that an error makes of a check. */
export function failed(name: string, error: unknown, isRequired = true): Finding {
  const detail = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  const mend = isVamoError(error) ? error.mend : undefined;
  return { name, state: isRequired ? 'failed' : 'absent', isRequired, detail, mend };
}
