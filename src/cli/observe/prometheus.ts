/** One metric with its samples, as a scrape shows it. */
export interface Metric {
  readonly name: string;
  /** A counter only rises while the process lives; its name ends in `_total`. */
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

function labelled({ labels = {} }: Sample): string {
  const pairs = Object.entries(labels).map(([k, v]) => `${k}="${escapeLabel(String(v))}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

function numeral(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

/** Metrics in Prometheus' text format 0.0.4. A metric without samples still tells its name. */
export function renderMetrics(metrics: readonly Metric[]): string {
  const lines = metrics.flatMap((metric) => [
    `# HELP ${metric.name} ${escapeHelp(metric.help)}`,
    `# TYPE ${metric.name} ${metric.type}`,
    ...metric.samples.map((s) => `${metric.name}${labelled(s)} ${numeral(s.value)}`),
  ]);
  return `${lines.join('\n')}\n`;
}

/** A metric of one sample without labels. */
export function single(
  name: string,
  type: Metric['type'],
  help: string,
  value: number | undefined,
): Metric {
  return { name, type, help, samples: value === undefined ? [] : [{ value }] };
}
