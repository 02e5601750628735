import { ENGINE_KINDS } from '../core/index.ts';
import { probeHere } from './probe.ts';

/** `probe-process KIND`: one line `{"reason": null}`, or with what keeps the engine from working. */
const kind = ENGINE_KINDS.find((known) => known === process.argv[2]);
let reason: string | null;
try {
  reason = kind === undefined ? 'no such engine' : ((await probeHere(kind)) ?? null);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  reason = message.trim().split('\n')[0] ?? '';
}
// GPU libraries may keep the process alive, or fall over when it ends.
process.stdout.write(`${JSON.stringify({ reason })}\n`, () => process.exit(0));
