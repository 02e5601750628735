/** What became of one reference case. `skipped` = a kind that is known but not built yet. */
export interface CaseResult {
  readonly id: string;
  /** Method or kind: one row of the table. */
  readonly group: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly detail?: string;
}

/** Runs one case: passed unless `check` throws, or names what is wrong. */
export function runCase(id: string, group: string, check: () => string | undefined): CaseResult {
  let detail: string | undefined;
  try {
    detail = check();
  } catch (error) {
    detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return detail === undefined
    ? { id, group, status: 'passed' }
    : { id, group, status: 'failed', detail };
}

export const skip = (id: string, group: string): CaseResult => ({
  id,
  group,
  status: 'skipped',
  detail: 'not built yet',
});
