// Copies the segments a contender of ours took in into an embedded engine of its own.
import { join } from 'node:path';
import { openEmbedded } from '../../src/clickhouse/index.ts';
import { createLiveLoader } from '../../src/days/index.ts';
import { openDataDirectory } from '../../src/store/index.ts';
import { jobOf, timed } from './job.ts';

const { topic, root, rows, partitions } = jobOf(process.argv);
const { store } = await openDataDirectory(root);
const engine = await openEmbedded(join(root, 'segments-engine'));
const loader = { owner: { id: 'bench', place: root }, stage: 'bench' };
const loading = createLiveLoader({ engine, loader, store, source: { topic, partitions } });
const load = await timed(() => loading.round());
await engine.close();
if (load.result.rows !== rows) throw new Error(`${load.result.rows} of ${rows} rows loaded`);
console.log(JSON.stringify({ segmentCpuSeconds: load.cpuSeconds }));
