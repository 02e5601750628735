// Seals the day a contender of ours took in, and copies it into the embedded engine.
import { join } from 'node:path';
import { openEmbedded } from '../../src/clickhouse/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { loadIntoClickHouse, sealDay } from '../../src/days/index.ts';
import { openDataDirectory } from '../../src/store/index.ts';
import { jobOf, timed } from './job.ts';
import { DAY } from './topic.ts';

const { topic, root, partitions } = jobOf(process.argv);
const defaults = await loadConfig();
const config = { ...defaults, source: { ...defaults.source, topic, partitions } };
const { store } = await openDataDirectory(root);
const rssMiB = (): number => process.resourceUsage().maxRSS / 1024;

const seal = await timed(() => sealDay({ store, engineDir: join(root, 'work'), day: DAY, config }));
const sealRssMiB = rssMiB();
const engine = await openEmbedded(join(root, 'engine'));
const loader = { owner: { id: 'bench', place: root }, stage: 'bench' };
const load = await timed(() =>
  loadIntoClickHouse({ engine, loader, store, manifest: seal.result }),
);
await engine.close();
const { counts } = seal.result;
console.log(
  JSON.stringify({
    rows: counts.accepted,
    sealSeconds: seal.seconds,
    sealCpuSeconds: seal.cpuSeconds,
    sealRssMiB,
    loadCpuSeconds: load.cpuSeconds,
    loadRssMiB: rssMiB(),
  }),
);
