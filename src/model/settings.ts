/** TimesNet over the market's days before an episode, paper eqs. 12-14 in static form. */
export interface TimesNetSettings {
  readonly kind: 'timesnet';
  /** Channels C of a block's input and output. */
  readonly width: number;
  /** Channels D between a block's two convolutions. */
  readonly inner: number;
  readonly blocks: number;
  /** Convolutions of size 1, 3, ... that an Inception block averages. */
  readonly kernels: number;
  /** Periods kept for each day, k. */
  readonly periods: number;
  /** What chooses them: each block's own input (the reference), or the market series (eq. 12). */
  readonly spectrum: 'block' | 'raw';
  /** Lengthens the window by the episode's own day, by a learned linear map over time. */
  readonly forecast: boolean;
  /** Periods to choose from; each must divide the window. Without: `candidatePeriods`. */
  readonly candidates?: readonly number[] | undefined;
}

/** A recurrent network of about the same size in TimesNet's place (Table 3). */
export interface LstmSettings {
  readonly kind: 'lstm';
  /** Channels of its input. */
  readonly width: number;
  readonly cells: number;
}

type TemporalSettings = 'none' | TimesNetSettings | LstmSettings;

/** Conditional and unconditional generation in one model (classifier-free guidance). */
interface GuidanceSettings {
  /** Share of training rows whose label is withheld. */
  readonly drop: number;
  /** g: what is asked is unconditional + g (conditional - unconditional); 1 = conditional only. */
  readonly strength: number;
}

/** Experts between encoder and heads, mixed by a gate a task (MMoE). */
export interface ExpertSettings {
  readonly count: number;
  /** Weight of the divergence of a task's mean gate from an even one in its loss. */
  readonly balance: number;
}

/** Sizes and choices of the model; the `model` part of the configuration. */
export interface ModelSettings {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly labelEmbedding: number;
  readonly headHidden: number;
  readonly inverseHidden: number;
  readonly temporal: TemporalSettings;
  readonly likelihood: 'gaussian' | 'mse';
  readonly policyHead: 'inverse' | 'action';
  /** Absent = off. */
  readonly guidance?: GuidanceSettings | undefined;
  /** Absent = the heads read the encoder. */
  readonly experts?: ExpertSettings | undefined;
}

/** The market series of the days before an episode. */
export interface MarketShape {
  readonly channels: number;
  /** Steps H before the episode: whole days. */
  readonly history: number;
}

/** What the data fixes: K tasks, T steps a day, S state features. */
export interface ModelIo {
  readonly tasks: number;
  readonly steps: number;
  readonly features: number;
  /** Absent without a temporal module. */
  readonly market?: MarketShape | undefined;
}

/** State feature that is known in advance (time left): it is not predicted. */
export const TIME_LEFT = 0;
/** State feature that gives the newest action away: hidden from `policyHead: action`. */
export const LAST_ACTION = 18;
