// Seals the day a contender of ours took in, and copies it into the embedded engine.
import { join } from 'node:path';
import { openEmbedded } from '../../src/clickhouse/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { loadIntoClickHouse, sealDay } from '../../src/days/index.ts';
import { openDataDirectory } from '../../src/store/index.ts';
import { jobOf } from './job.ts';
import { DAY } from './topic.ts';

const { topic, root, partitions } = jobOf(process.argv);
const defaults = await loadConfig();
const config = { ...defaults, source: { ...defaults.source, topic, partitions } };
const { store } = await openDataDirectory(root);
const timed = async <T>(work: () => Promise<T>) => {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { result, seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
};
const seal = await timed(() => sealDay({ store, engineDir: join(root, 'work'), day: DAY, config }));
const engine = await openEmbedded(join(root, 'engine'));
const load = await timed(() => loadIntoClickHouse({ engine, store, manifest: seal.result }));
await engine.close();
const { counts } = seal.result;
console.log(
  JSON.stringify({
    rows: counts.accepted,
    sealSeconds: seal.seconds,
    sealCpuSeconds: seal.cpuSeconds,
    loadCpuSeconds: load.cpuSeconds,
    rssMiB: process.resourceUsage().maxRSS / 1024,
  }),
);
