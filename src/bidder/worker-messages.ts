import type { MarketSums } from '../contracts/index.ts';
import type { PlanRequest } from '../features/index.ts';
import type { Scales, ServedFiles } from './model.ts';

export interface WorkerInput {
  readonly files: ServedFiles;
  readonly threads: number;
}

export type HostMessage =
  | { readonly kind: 'ask'; readonly id: number; readonly requests: readonly PlanRequest[] }
  | {
      readonly kind: 'learn';
      readonly id: number;
      readonly day: string;
      readonly market: readonly MarketSums[];
    }
  | { readonly kind: 'stop' };

interface Failure {
  readonly code: string;
  readonly message: string;
}

export type WorkerMessage =
  | {
      readonly kind: 'ready';
      readonly selfTestMaxError: number;
      readonly batchMs: number;
      readonly tableDay: string | null;
    }
  | ({ readonly kind: 'failed' } & Failure)
  | ({ readonly kind: 'answer'; readonly id: number } & Scales)
  | { readonly kind: 'learned'; readonly id: number }
  | ({ readonly kind: 'error'; readonly id: number } & Failure);
