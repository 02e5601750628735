import type { LatePolicy, PartitionManifest, TaskSpec } from '../contracts/index.ts';
import type { DayKey, Logger, Progress } from '../core/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { AskSource } from './source-end.ts';

/** What a day is built under. */
export interface DayConfig {
  readonly days: {
    readonly utcOffsetMinutes: number;
    readonly latenessMs: number;
    readonly late: LatePolicy;
    readonly attributionMs: number;
  };
  /** `reserve` in currency units. */
  readonly market: { readonly reserve: number };
  readonly tasks: readonly TaskSpec[];
  readonly source: { readonly topic: string; readonly partitions: number };
}

export interface BuildOptions {
  readonly store: ObjectStore;
  /** A directory of the builder's own; what an interrupted build left in it is thrown away. */
  readonly engineDir: string;
  readonly day: DayKey;
  readonly config: DayConfig;
  /** Left out, a partition to which nothing comes any more holds its days open. */
  readonly askSource?: AskSource | undefined;
  readonly log?: Logger;
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/** A day keeps the attribution window it was sealed with. */
export function withWindowOf<O extends BuildOptions>(newest: PartitionManifest, options: O): O {
  const { attributionMs } = newest;
  return {
    ...options,
    config: { ...options.config, days: { ...options.config.days, attributionMs } },
  };
}
