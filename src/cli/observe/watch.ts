import { type Frame, frameOf, lineOf, viewOf } from './watch-view.ts';
import type { Observation } from './observation.ts';

const HISTORY = 120;

/** What the view is written to, a terminal or not. */
type Terminal = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'> & {
  write(text: string): unknown;
};

/**
 * Shows frames as they come: drawn over the one before on a terminal, one line each elsewhere, JSON
 * lines with `json`.
 */
function createScreen(stream: Terminal, json: boolean): { show(frame: Frame): void; end(): void } {
  const history: number[] = [];
  let drawn = 0;
  return {
    show(frame) {
      history.push(frame.rowsPerSecond);
      if (history.length > HISTORY) history.shift();
      if (json) return void stream.write(`${JSON.stringify(frame)}\n`);
      if (!stream.isTTY) return void stream.write(`${lineOf(frame)}\n`);
      // Some terminals tell no size, or 0.
      const { columns, rows } = stream;
      const lines = viewOf(frame, history, { columns: columns || 80, rows: rows || 24 });
      const up = drawn > 0 ? `\x1b[${String(drawn)}A\r` : '';
      stream.write(`${up}\x1b[0J${lines.join('\n')}\n`);
      drawn = lines.length;
    },
    end: () => (drawn = 0),
  };
}

/** Looks at once and then once a second, until it is ended; the last look shows how everything stands then. */
export function watch(options: {
  readonly observe: () => Promise<Observation>;
  readonly stream: Terminal;
  readonly json: boolean;
  readonly everyMs?: number;
}): { end(): Promise<void> } {
  const { observe, stream, json, everyMs = 1000 } = options;
  const screen = createScreen(stream, json);
  let before: Observation | undefined;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const now = await observe();
    screen.show(frameOf(now, before, process.memoryUsage.rss()));
    before = now;
  }

  const lookAgain = (): void => {
    looking ??= look().finally(() => (looking = undefined));
  };
  lookAgain();
  const timer = setInterval(lookAgain, everyMs);
  return {
    async end() {
      clearInterval(timer);
      await looking;
      await look();
      screen.end();
    },
  };
}
