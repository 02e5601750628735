import { execFile } from 'node:child_process';
import { z } from 'zod';
import { type EngineKind, scriptArguments, siblingModule } from '../core/index.ts';

const TIMEOUT_MS = 60_000;
const answer = z.object({ reason: z.string().nullable() });

/**
 * Tries an engine in a process of its own, for a driver may crash and TensorFlow takes over its
 * process.
 * @returns undefined when it computes rightly, otherwise why it cannot be used
 */
export function probeEngine(kind: EngineKind): Promise<string | undefined> {
  const script = scriptArguments(siblingModule(import.meta.url, 'probe-process'));
  return new Promise((resolve) => {
    execFile(process.execPath, [...script, kind], { timeout: TIMEOUT_MS }, (error, stdout) => {
      resolve(reasonIn(stdout, error));
    });
  });
}

function reasonIn(stdout: string, error: Error | null): string | undefined {
  const line = stdout.split('\n').find((text) => text.startsWith('{"reason"'));
  if (line === undefined) return `its probe died: ${lastLine(error?.message ?? 'no answer')}`;
  const parsed = answer.safeParse(JSON.parse(line));
  return parsed.success ? (parsed.data.reason ?? undefined) : 'its probe gave no answer';
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
