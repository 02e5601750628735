/**
 * A separate process that asks bidders for scales at a steady rate and keeps every answer.
 *
 *   node --import tsx bidder-load.ts PLAN.json
 *
 * PLAN: `{urls, bodies, rate, out}`: base URLs asked in turn, request bodies taken in turn, requests
 * a second, and the file for the answers (JSON, `LoadAnswer[]`). Runs until SIGTERM, then waits for
 * the answers under way. Prints `started` once it asks.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { pathToFileURL } from 'node:url';

interface LoadPlan {
  readonly urls: readonly string[];
  readonly bodies: readonly string[];
  /** Requests a second over all bidders. */
  readonly rate: number;
  readonly out: string;
}

export interface LoadAnswer {
  readonly url: string;
  /** Index into the plan's bodies. */
  readonly body: number;
  /** 0 = no answer at all. */
  readonly status: number;
  readonly text: string;
  readonly ms: number;
  /** Milliseconds since the load began. */
  readonly at: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Asks once; a broken connection is an answer with status 0, never retried. */
export function ask(url: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ status: 0, text: error.message });
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const call = request(`${url}/v1/scales`, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    call.setTimeout(10_000, () => call.destroy(new Error('timed out')));
    call.on('error', failed);
    call.end(body);
  });
}

/** Runs a plan until the signal; the rate is kept by the clock, not by the answers. */
async function runLoad(plan: LoadPlan, signal: AbortSignal): Promise<LoadAnswer[]> {
  const answers: LoadAnswer[] = [];
  const under = new Set<Promise<void>>();
  const start = performance.now();
  for (let sent = 0; !signal.aborted;) {
    const due = Math.floor(((performance.now() - start) / 1000) * plan.rate);
    for (; sent < due; sent++) {
      const url = plan.urls[sent % plan.urls.length]!;
      const body = sent % plan.bodies.length;
      const at = performance.now() - start;
      const one: Promise<void> = ask(url, plan.bodies[body]!).then((answer) => {
        answers.push({ url, body, ...answer, at, ms: performance.now() - start - at });
        under.delete(one);
      });
      under.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(under);
  agent.destroy();
  return answers;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const plan = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as LoadPlan;
  const ending = new AbortController();
  process.once('SIGTERM', () => ending.abort());
  console.log('started');
  await writeFile(plan.out, JSON.stringify(await runLoad(plan, ending.signal)));
}
