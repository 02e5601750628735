import type { Progress } from '../core/index.ts';

const WIDTH = 28;
const REDRAW_MS = 80;
const PLAIN_EVERY_MS = 5000;

/**
 * Shows the progress of one stage at a time: a bar on a terminal; elsewhere a plain line now and then, and
 * one at the stage's end.
 */
export interface ProgressDisplay {
  stage(label: string): Progress;
  /** Removes the bar, so that a line can be printed. */
  clear(): void;
}

export function createProgressDisplay(
  stream: NodeJS.WriteStream,
  now: () => number = Date.now,
): ProgressDisplay {
  const isTerminal = stream.isTTY;
  let drawn = false;
  const clear = (): void => {
    if (drawn) stream.write('\r\x1b[2K');
    drawn = false;
  };
  return {
    clear,
    stage(label) {
      let last = isTerminal ? -Infinity : now();
      let ended = false;
      return (done, total, note = '') => {
        const every = isTerminal ? REDRAW_MS : PLAIN_EVERY_MS;
        const finished = done >= total;
        if (now() - last < every && !(finished && !ended)) return;
        ended = finished;
        last = now();
        if (!isTerminal) {
          stream.write(`${`  ${label} ${String(done)}/${String(total)} ${note}`.trimEnd()}\n`);
          return;
        }
        const filled = total > 0 ? Math.round((WIDTH * Math.min(done, total)) / total) : 0;
        const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
        stream.write(`\r\x1b[2K  ${label} ${bar} ${String(done)}/${String(total)} ${note}`);
        drawn = true;
        if (finished) clear();
      };
    },
  };
}
