import { z } from 'zod';

const count = z.int().min(1);

/** The temporal module's own keys; those left out are the size's. */
const timesNet = z.strictObject({
  kind: z.literal('timesnet'),
  /** Channels of a block, and between its two convolutions. */
  width: count.optional(),
  inner: count.optional(),
  blocks: count.optional(),
  /** Convolutions of size 1, 3, ... that are averaged. */
  kernels: count.max(8).optional(),
  /** Periods kept for each day. */
  periods: count.optional(),
  /** `block`: chosen by the block's input; `raw`: by the market series, the same for all blocks. */
  spectrum: z.enum(['block', 'raw']).optional(),
  /** Works on a window that a linear map lengthens by the episode's own day. */
  forecast: z.boolean().optional(),
  /** Periods to choose from, in steps; each must divide the window. */
  candidates: z.array(count).min(1).optional(),
});

const lstm = z.strictObject({
  kind: z.literal('lstm'),
  width: count.optional(),
  cells: count.optional(),
});

/** A module by its name alone has the keys of the size. */
const byName = (kind: unknown): unknown => (typeof kind === 'string' ? { kind } : kind);

const temporal = z.preprocess(
  byName,
  z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('none') }), timesNet, lstm]),
);

const guidance = z.strictObject({
  /** Share of training rows whose label is withheld. */
  drop: z.number().min(0).max(1),
  /** 1 = what the label asks; more = further away from what no label would give. */
  strength: z.number().min(0),
});

const experts = z.strictObject({
  count: count.min(2),
  /** Weight of the gates' imbalance in the losses. */
  balance: z.number().min(0),
});

/** Widths and depths by size. */
const SIZES = {
  small: {
    ...{ hidden: 64, layers: 3, heads: 4, feedForward: 256, labelEmbedding: 32 },
    ...{ headHidden: 128, inverseHidden: 128 },
  },
  base: {
    ...{ hidden: 128, layers: 4, heads: 4, feedForward: 512, labelEmbedding: 32 },
    ...{ headHidden: 256, inverseHidden: 256 },
  },
  large: {
    ...{ hidden: 256, layers: 6, heads: 8, feedForward: 1024, labelEmbedding: 32 },
    ...{ headHidden: 512, inverseHidden: 256 },
  },
} as const;

/** Widths of the temporal module by the model's size; `cells` gives the LSTM TimesNet's size. */
const TEMPORAL_SIZES = {
  small: { width: 16, inner: 32, cells: 120 },
  base: { width: 32, inner: 64, cells: 240 },
  large: { width: 64, inner: 64, cells: 324 },
} as const;

const isSize = (value: unknown): value is keyof typeof SIZES =>
  typeof value === 'string' && value in SIZES;

/** A file's `model` part with the keys that its `size` stands for; its own keys win. */
export function withSize(part: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return isSize(part['size']) ? { ...SIZES[part['size']], ...part } : { ...part };
}

const given = z.strictObject({
  size: z.enum(['small', 'base', 'large']),
  hidden: count,
  layers: count,
  heads: count,
  feedForward: count,
  labelEmbedding: count,
  headHidden: count,
  inverseHidden: count,
  temporal,
  likelihood: z.enum(['gaussian', 'mse']),
  policyHead: z.enum(['inverse', 'action']),
  guidance: guidance.optional(),
  experts: experts.optional(),
});

type Given = z.infer<typeof given>;

/** The module with every key. */
function temporalOf({ temporal: own, size }: Given) {
  const { width, inner, cells } = TEMPORAL_SIZES[size];
  switch (own.kind) {
    case 'none':
      return own.kind;
    case 'lstm':
      return { ...own, width: own.width ?? width, cells: own.cells ?? cells };
    case 'timesnet':
      return {
        ...own,
        width: own.width ?? width,
        inner: own.inner ?? inner,
        blocks: own.blocks ?? 2,
        kernels: own.kernels ?? 3,
        periods: own.periods ?? 3,
        spectrum: own.spectrum ?? 'block',
        forecast: own.forecast ?? false,
      };
  }
}

/** `model`. What comes out names every key of the temporal module. */
export const model = given.transform((asked) => ({ ...asked, temporal: temporalOf(asked) }));
