import { describe, expect, it } from 'vitest';
import { createReleasers, siblingModule, sleep, throwIfAborted } from '../../src/core/index.ts';

describe('releasers', () => {
  it('run last first, once', async () => {
    const order: number[] = [];
    const releasers = createReleasers();
    for (const i of [1, 2, 3]) releasers.push(() => void order.push(i));
    await releasers.release();
    await releasers.release();
    expect(order).toEqual([3, 2, 1]);
  });

  it('all run although one fails, and the failure is told', async () => {
    const closed: string[] = [];
    const releasers = createReleasers();
    releasers.push(() => void closed.push('first'));
    releasers.push(() => Promise.reject(new Error('stuck')));
    releasers.push(async () => {
      await sleep(1);
      closed.push('last');
    });
    await expect(releasers.release()).rejects.toMatchObject({ errors: [new Error('stuck')] });
    expect(closed).toEqual(['last', 'first']);
  });
});

describe('interruption', () => {
  it('ends a sleep at once, before or during it', async () => {
    const controller = new AbortController();
    const begun = performance.now();
    const waiting = sleep(60_000, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(sleep(60_000, controller.signal)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  it('throws once aborted and not before', () => {
    const controller = new AbortController();
    throwIfAborted(undefined);
    throwIfAborted(controller.signal);
    controller.abort('stop');
    expect(() => throwIfAborted(controller.signal)).toThrow(
      expect.objectContaining({ code: 'INTERRUPTED', retriable: true, cause: 'stop' }) as Error,
    );
  });
});

describe('siblingModule', () => {
  it('keeps to sources from sources and to built files from built files', () => {
    expect(siblingModule('file:///a/src/x.ts', 'worker').href).toBe('file:///a/src/worker.ts');
    expect(siblingModule('file:///a/dist/x.js', 'worker').href).toBe('file:///a/dist/worker.js');
  });
});
