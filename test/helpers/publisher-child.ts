/**
 * A publisher that is killed, as by `kill -9`, just before it writes a key that contains argv[3].
 * node --import tsx publisher-child.ts DIR PATTERN
 */
import { openRegistry, openReleases } from '../../src/publisher/index.ts';
import { smallDraft } from './bidder-model.ts';
import { BY, CHANNEL, openIn, PASS } from './publisher-setup.ts';

const [, , dir = '', pattern = ''] = process.argv;
const { store, keys } = await openIn(dir);
const deadly = {
  ...store,
  putIfAbsent: (key: string, bytes: Uint8Array) => {
    if (key.includes(pattern)) process.kill(process.pid, 'SIGKILL');
    return store.putIfAbsent(key, bytes);
  },
};
const { manifest } = await openRegistry(deadly).putCheckpoint(smallDraft(1));
const releases = openReleases(deadly, keys, { channel: CHANNEL, now: () => 1 });
await releases.publish({ version: manifest.version, gate: PASS, ...BY });
