import { type DayKey, VamoError } from '../core/index.ts';
import type { Cut } from './cut.ts';

/** Numbers of partitions for a message. */
const named = (cuts: readonly Cut[]): string =>
  `partition ${cuts.map(({ partition }) => partition).join(', ')}`;

/**
 * Why a day cannot be sealed yet, with what each partition waits for: to be ingested to the end of its
 * source, an answer from the source, or records of the time after the limit.
 * @param cuts those that are not reached
 */
export function notReady(
  {
    day,
    limitMs,
    topic,
  }: { readonly day: DayKey; readonly limitMs: number; readonly topic: string },
  cuts: readonly Cut[],
): VamoError {
  const limit = new Date(limitMs).toISOString();
  const behind = cuts.flatMap(({ partition, waits }) =>
    waits?.for === 'ingest'
      ? `partition ${partition} of ${topic} is ${waits.behind} offsets behind its end`
      : [],
  );
  const rest = cuts.filter(({ waits }) => waits?.for !== 'ingest');
  const unasked = rest.flatMap(({ waits }) => (waits?.for === 'answer' ? waits.reason : []))[0];
  const reasons = [
    ...behind,
    ...(rest.length > 0
      ? [`nothing from ${limit} or later is ingested from ${named(rest)} of ${topic}`]
      : []),
    ...(unasked === undefined ? [] : [`where it ends cannot be asked: ${unasked}`]),
  ];
  return new VamoError('DAY_NOT_READY', `day ${day}: ${reasons.join('; ')}`, {
    details: { day, partitions: cuts.map(({ partition }) => partition) },
    mend: mendOf(day, behind.length > 0, unasked !== undefined),
  });
}

function mendOf(day: DayKey, isBehind: boolean, isUnasked: boolean): string {
  if (isBehind) return 'Let `vamo ingest` catch up, then seal again.';
  const first = isUnasked ? 'See that the source answers' : 'Run `vamo ingest`';
  return `${first}, then seal again; where the source has ended, \`vamo seal --day ${day} --at-end\`.`;
}
