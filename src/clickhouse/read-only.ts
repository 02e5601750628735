/** Text, names and comments in quotes, in any of which a semicolon separates nothing. */
const OPAQUE =
  /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|--[^\n]*|\/\*[\s\S]*?\*\//g;

const ASKS =
  /^(?:\s|\(|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b/i;

/**
 * What the engine lets through although a session is read-only: the function `file` reads any file,
 * INTO OUTFILE writes one. The word alone is refused, wherever it stands.
 */
const FILES = /\b(?:file|infile|outfile)\b/i;

/** Forms that could hide a word or a semicolon from a reader that is not the engine itself. */
const HIDING: readonly (readonly [form: RegExp, name: string])[] = [
  [/[`"][^`"]*\\/, 'an escape in a quoted name'],
  [/\$\w*\$/, 'a heredoc'],
  [/#[ !]/, 'a comment after #'],
  [/\/\*(?:(?!\*\/)[\s\S])*\/\*/, 'a comment inside a comment'],
];

/**
 * Why a statement is not a question that can change nothing; undefined when it is one. Beside the
 * session's own `readonly`, which does not keep the engine from reading and writing files.
 */
export function whyNotReadOnly(sql: string): string | undefined {
  const hiding = HIDING.find(([form]) => form.test(sql));
  if (hiding !== undefined) return `readonly: ${hiding[1]} is not taken`;
  const bare = sql.replace(OPAQUE, ' ').replace(/[\s;]+$/, '');
  if (bare.includes(';')) return 'more than one statement';
  if (!ASKS.test(sql)) return `not a SELECT: ${sql.trim().slice(0, 80) || 'nothing is asked'}`;
  if (FILES.test(sql)) return 'readonly: files of the machine are not read or written';
  return undefined;
}
