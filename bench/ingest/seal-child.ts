// Copies the segments a contender of ours took in into the embedded engine, seals their day, and copies
// that. The engine of the first copy is closed before the seal: one process has one directory open.
import { join } from 'node:path';
import { openEmbedded } from '../../src/clickhouse/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { createLiveLoader, loadIntoClickHouse, sealDay } from '../../src/days/index.ts';
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
const inEngine = async <T>(work: (engine: Engine) => Promise<T>): Promise<T> => {
  const engine = await openEmbedded(join(root, 'engine'));
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
};
const rssMiB = (): number => process.resourceUsage().maxRSS / 1024;

const seal = await timed(() => sealDay({ store, engineDir: join(root, 'work'), day: DAY, config }));
const sealRssMiB = rssMiB();
const load = await inEngine((engine) =>
  timed(() => loadIntoClickHouse({ engine, store, manifest: seal.result })),
);
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
