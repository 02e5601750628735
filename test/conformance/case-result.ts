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
  try {
    return resultOf(id, group, check());
  } catch (error) {
    return resultOf(id, group, reasonOf(error));
  }
}

/** `runCase` for checks that take time. */
export async function runAsyncCase(
  id: string,
  group: string,
  check: () => Promise<string | undefined>,
): Promise<CaseResult> {
  try {
    return resultOf(id, group, await check());
  } catch (error) {
    return resultOf(id, group, reasonOf(error));
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);

const resultOf = (id: string, group: string, detail: string | undefined): CaseResult =>
  detail === undefined ? { id, group, status: 'passed' } : { id, group, status: 'failed', detail };
