import { describe, expect, it } from 'vitest';
import { scalesRequest } from '../../src/bidder/index.ts';
import type { ActiveVersion } from '../../src/bidder/follower.ts';
import { answerScales, createCounters, createModelAlarm } from '../../src/bidder/scales.ts';
import { type Logger, silentLogger, VamoError } from '../../src/core/index.ts';
import { smallCampaign, smallDraft, TASKS } from '../helpers/bidder-model.ts';

const BODY = JSON.stringify(
  scalesRequest('2026-01-13', 7, [smallCampaign(1, TASKS[0]), smallCampaign(2, TASKS[1])]),
);

/** A version in service whose model fails at every request. */
function failing(): ActiveVersion {
  const { io, limits } = smallDraft(1);
  return {
    version: 'v1',
    files: { io, limits },
    host: { answer: () => Promise.reject(new VamoError('ENGINE_GRAPH', 'worker gone')) },
  } as unknown as ActiveVersion;
}

describe('a model that fails', () => {
  it('is stood in for by pacing, counted at every request and logged now and then', async () => {
    const lines: unknown[] = [];
    const log: Logger = { ...silentLogger, error: (event, fields) => lines.push([event, fields]) };
    let now = 0;
    const counters = createCounters();
    const modelFailed = createModelAlarm({ log, clock: () => now }, counters);
    const answer = () => answerScales(failing(), BODY, { counters, modelFailed });
    for (let i = 0; i < 5; i++) {
      const { status, body } = await answer();
      const { alphas, fallback } = body as { alphas: number[]; fallback: string[] };
      expect([status, alphas.length, fallback.length]).toEqual([200, 2, 2]);
      expect(alphas.every((alpha) => alpha > 0)).toBe(true);
    }
    now = 10_000;
    await answer();
    expect(counters).toEqual({ requests: 6, refused: 0, fallbacks: 12, modelErrors: 6 });
    const line = { version: 'v1', reason: 'ENGINE_GRAPH: worker gone' };
    expect(lines).toEqual([
      ['bidder.model', { ...line, failures: 1 }],
      ['bidder.model', { ...line, failures: 6 }],
    ]);
  });
});
