/**
 * One bidder process, as `vamo bidder` runs it: node --import tsx bidder-child.ts DIR ID
 * First line of stdout: its port. Logs on stderr. A failure: `CODE: message`, exit code 1.
 */
import { join } from 'node:path';
import { runBidder } from '../../src/bidder/index.ts';
import { createLogger, isVamoError } from '../../src/core/index.ts';
import { loadTrust } from '../../src/publisher/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { CHANNEL } from './publisher-setup.ts';

const [, , dir = '', id = ''] = process.argv;
const stop = new AbortController();
for (const event of ['SIGTERM', 'SIGINT'] as const) process.on(event, () => stop.abort());
try {
  await runBidder(
    {
      id,
      store: await openDirectoryStore(join(dir, 'data')),
      trusted: await loadTrust(join(dir, 'keys')),
      channel: CHANNEL,
      port: 0,
      pollMs: 50,
      ackMs: 500,
      log: createLogger('info'),
      signal: stop.signal,
    },
    (port) => console.log(port),
  );
} catch (error) {
  console.error(isVamoError(error) ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
