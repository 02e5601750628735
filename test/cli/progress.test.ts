import { describe, expect, it } from 'vitest';
import { createProgressDisplay } from '../../src/cli/progress.ts';

describe('progress without a terminal', () => {
  it('is a plain line now and then, and one when a stage has ended; one that grows goes on', () => {
    const lines: string[] = [];
    let nowMs = 0;
    const stream = { isTTY: false, write: (text: string) => lines.push(text) };
    const display = createProgressDisplay(stream as unknown as NodeJS.WriteStream, () => nowMs);
    const progress = display.stage('seal');
    progress(1, 3);
    nowMs = 6000;
    progress(2, 3, 'half');
    progress(3, 3);
    progress(4, 4);
    nowMs = 12_000;
    progress(5, 5);
    display.clear();
    expect(lines).toEqual(['  seal 2/3 half\n', '  seal 3/3\n', '  seal 5/5\n']);
  });
});
