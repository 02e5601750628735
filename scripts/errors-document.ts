import { ERROR_CODES } from '../src/core/index.ts';

/** The text of `docs/reference/errors.md`, from the table of codes. */
export function errorsDocument(): string {
  const entries = Object.entries(ERROR_CODES).sort(([a], [b]) => (a < b ? -1 : 1));
  const sections = entries.map(([code, { retriable, mend }]) => {
    const again = retriable ? 'Repeating the same call may succeed.' : 'Repeating does not help.';
    return `## ${code}\n\n${mend} ${again}\n`;
  });
  return [
    '# Errors',
    'Every failure carries one of these codes, a message that names the field and its value, and the advice below. Codes are never reused for another meaning.',
    'This page is made by `node --import tsx scripts/errors-doc.ts` from `src/core/error-codes.ts`.',
    ...sections,
  ]
    .join('\n\n')
    .replaceAll('\n\n\n', '\n\n');
}
