import { describe, expect, it } from 'vitest';
import { createBuilderPool } from '../../src/ingest/builder-pool.ts';
import { createDeadline } from '../../src/ingest/deadline.ts';
import { createGate } from '../../src/ingest/gate.ts';
import { outcomeEvent } from '../helpers/ingest-records.ts';

describe('the gate', () => {
  it('lets so many through at once, the others in the order they came, whatever becomes of them', async () => {
    const gate = createGate(2);
    const began: number[] = [];
    const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
    const works = Array.from({ length: 5 }, (_, i) =>
      gate(async () => {
        began.push(i);
        await new Promise<void>((resolve, reject) => (ends[i] = { resolve, reject }));
        return i;
      }),
    );
    const settled = Promise.allSettled(works);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await turn();
    expect(began).toEqual([0, 1]);
    ends[1]!.reject(new Error('failed'));
    await turn();
    expect(began).toEqual([0, 1, 2]);
    ends[0]!.resolve();
    ends[2]!.resolve();
    await turn();
    expect(began).toEqual([0, 1, 2, 3, 4]);
    ends[3]!.resolve();
    ends[4]!.resolve();
    expect((await settled).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      ...['fulfilled', 'fulfilled', 'fulfilled'],
    ]);
    // All places are free again.
    expect(
      await Promise.all([gate(() => Promise.resolve('a')), gate(() => Promise.resolve('b'))]),
    ).toEqual(['a', 'b']);
  });
});

describe('the deadline', () => {
  const after = (ms: number) => new Promise<'open'>((resolve) => setTimeout(resolve, ms, 'open'));

  it('passes some time after the signal, not before', async () => {
    const stop = new AbortController();
    const deadline = createDeadline(stop.signal, 20);
    expect(await Promise.race([deadline.passed, after(50)])).toBe('open');
    stop.abort();
    expect(await Promise.race([deadline.passed, after(0)])).toBe('open');
    await expect(deadline.passed).rejects.toMatchObject({ code: 'INGEST_SHUTDOWN' });
  });

  it('never passes once all is done', async () => {
    for (const isAborted of [true, false]) {
      const stop = new AbortController();
      const deadline = createDeadline(stop.signal, 10);
      if (isAborted) stop.abort();
      deadline.end();
      stop.abort();
      expect(await Promise.race([deadline.passed, after(40)])).toBe('open');
    }
  });
});

describe('the builder pool', () => {
  it('counts what rows take, also in memory that held more before', () => {
    const pool = createBuilderPool();
    const used = pool.take();
    for (let i = 0; i < 5000; i++) used.push(outcomeEvent({ event_id: `e-${i}` }), 1, 't', 0, i);
    const full = pool.openBytes;
    expect(full).toBeGreaterThan(500_000);
    pool.give(used);
    expect(pool.openBytes).toBe(0);
    const again = pool.take();
    expect(again).toBe(used);
    again.push(outcomeEvent(), 1, 't', 0, 0);
    expect(pool.openBytes).toBeLessThan(1000);
  });
});
