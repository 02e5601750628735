/** What a contender is asked to do: read the whole topic into a folder of its own. */
export interface Job {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly group: string;
  readonly root: string;
  /** Records the topic has. */
  readonly rows: number;
  readonly partitions: number;
  readonly flushRows?: number;
  /** Address of the schema registry: the topic is in Avro. */
  readonly registry?: string;
  readonly sessionTimeoutMs?: number;
}

/** What it used, from the first connection to the last durable byte; loading its code left out. */
export interface Used {
  readonly rows: number;
  readonly cpuSeconds: number;
  readonly seconds: number;
  readonly rssMiB: number;
}

export const jobOf = (argv: readonly string[]): Job => JSON.parse(argv[2] ?? '{}') as Job;

/** Tells what was used since `began` and `cpu`, as the last line of output. */
export function finish(rows: number, began: number, cpu: NodeJS.CpuUsage): void {
  const { user, system } = process.cpuUsage(cpu);
  const used: Used = {
    rows,
    cpuSeconds: (user + system) / 1e6,
    seconds: (performance.now() - began) / 1000,
    rssMiB: process.resourceUsage().maxRSS / 1024,
  };
  console.log(JSON.stringify(used));
}

/** Runs a work and tells the time and the CPU it took. */
export async function timed<T>(work: () => Promise<T>) {
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { result, seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
}
