import type { Progress } from '../../core/index.ts';

/** What a night does one after another, as people are told: steps, replays of the validation day, of the test day. */
export const STAGES = ['train', 'choose y', 'replay'] as const;
export type Stage = (typeof STAGES)[number];

/** Progress of each stage; a stage's counts are its own. */
export type NightProgress = (stage: Stage) => Progress;
