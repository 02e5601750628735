/** Sizes and choices of the model; the `model` part of the configuration. */
export interface ModelSettings {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly labelEmbedding: number;
  readonly headHidden: number;
  readonly inverseHidden: number;
  readonly temporal: 'none';
  readonly likelihood: 'gaussian' | 'mse';
  readonly policyHead: 'inverse' | 'action';
}

/** What the data fixes: K tasks, T steps a day, S state features. */
export interface ModelIo {
  readonly tasks: number;
  readonly steps: number;
  readonly features: number;
  /** Absent without a temporal module. */
  readonly market?: { readonly channels: number; readonly history: number } | undefined;
}

/** State feature that is known in advance (time left): it is not predicted. */
export const TIME_LEFT = 0;
/** State feature that gives the newest action away: hidden from `policyHead: action`. */
export const LAST_ACTION = 18;
