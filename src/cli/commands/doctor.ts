import { resolve } from 'node:path';
import { configFilesOf } from '../context.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { findings } from '../diagnosis/findings.ts';
import type { DiagnosisSpec } from '../run-command.ts';
import { formatTable } from '../table.ts';

const STATES = { ok: 'ok', absent: '-', failed: 'FAILED' } as const;

/** What stands in the way of the default pipeline. */
const isFatal = ({ state, isRequired }: Finding): boolean => isRequired && state === 'failed';

export const doctorCommand: DiagnosisSpec = {
  name: 'doctor',
  summary: 'what is installed, which engine is used and why; exit 1 when training cannot run',
  examples: ['vamo doctor', "vamo doctor --json | jq '.engine'"],
  async run(options, say) {
    const found = await findings({
      root: resolve(options.data),
      configFiles: await configFilesOf(options),
      environment: process.env,
    });
    const { items, engine } = found;
    say(
      formatTable(
        ['', 'what', 'found'],
        items.map(({ name, state, detail }) => [STATES[state], name, detail]),
      ),
    );
    const mends = items.filter((item) => isFatal(item) && item.mend !== undefined);
    if (mends.length > 0) say('');
    for (const { name, mend } of mends) say(`${name}: ${mend ?? ''}`);
    say('');
    say(engine === null ? 'engine: none' : `engine: ${engine.kind}, ${engine.reason}`);
    const isReady = !items.some(isFatal);
    say(isReady ? 'the default pipeline can run here' : 'the default pipeline cannot run here');
    return { ready: isReady, engine, findings: items };
  },
};
