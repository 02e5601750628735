import { VamoError } from '../../core/index.ts';
import {
  constant,
  type Draft,
  layerNormDrafts,
  linearDrafts,
  normal,
  type Scope,
  shared,
} from '../draft.ts';
import type {
  LstmSettings,
  MarketShape,
  ModelIo,
  ModelSettings,
  TimesNetSettings,
} from '../settings.ts';
import { windowLength } from './periods.ts';

/** Kernels of one Inception block: Kaiming normal by fan-out, biases 0, as the reference. */
function inception(name: string, out: number, inputs: number, kernels: number): Draft[] {
  return Array.from({ length: kernels }, (_, j) => {
    const side = 2 * j + 1;
    return [
      shared(
        `${name}.kernels.${j}.weight`,
        [out, inputs, side, side],
        normal(Math.sqrt(2 / (out * side * side))),
      ),
      shared(`${name}.kernels.${j}.bias`, [out], constant(0)),
    ];
  }).flat();
}

/** From the module's width to z; starts near 0, that is near a model without the module. */
function projection(hidden: number, width: number): Draft[] {
  return [
    shared('temporal.proj.weight', [hidden, width], normal(0.02)),
    shared('temporal.proj.bias', [hidden], constant(0)),
  ];
}

function timesNet(
  settings: TimesNetSettings,
  hidden: number,
  market: MarketShape,
  io: ModelIo,
): Draft[] {
  const { width, inner, blocks, kernels, forecast } = settings;
  const length = windowLength(settings, market.history, io.steps);
  return [
    ...(forecast ? linearDrafts('shared', 'temporal.predict', length, market.history) : []),
    shared(
      'temporal.token.weight',
      [width, market.channels, 3],
      normal(Math.sqrt(2 / (3 * market.channels))),
    ),
    ...Array.from({ length: blocks }, (_, i) => [
      ...inception(`temporal.blocks.${i}.conv.0`, inner, width, kernels),
      ...inception(`temporal.blocks.${i}.conv.2`, width, inner, kernels),
    ]).flat(),
    ...Array.from({ length: blocks }, (_, i) =>
      layerNormDrafts(`temporal.norm.${i}`, width),
    ).flat(),
    ...projection(hidden, width),
  ];
}

/** Gates in the order input, forget, candidate, output; one bias, 1 for the forget gate. */
function lstm({ width, cells }: LstmSettings, hidden: number, { channels }: MarketShape): Draft[] {
  const init = { kind: 'uniform', bound: 1 / Math.sqrt(cells) } as const;
  const gates = ['input', 'forget', 'candidate', 'output'];
  const scope: Scope = 'shared';
  return [
    ...linearDrafts(scope, 'temporal.token', width, channels),
    shared('temporal.cell.fromInput', [4 * cells, width], init),
    shared('temporal.cell.fromOutput', [4 * cells, cells], init),
    ...gates.map((gate) =>
      shared(`temporal.cell.bias.${gate}`, [cells], constant(gate === 'forget' ? 1 : 0)),
    ),
    ...projection(hidden, cells),
  ];
}

/**
 * Parameters of the temporal module, all shared; none without it.
 * @throws VamoError CONFIG_INVALID when the data has no market series for it
 */
export function temporalDrafts({ temporal, hidden }: ModelSettings, io: ModelIo): Draft[] {
  if (temporal === 'none') return [];
  if (io.market === undefined || io.market.history < io.steps)
    throw new VamoError(
      'CONFIG_INVALID',
      `model.temporal: ${temporal.kind}; needs at least one day of market history`,
      { mend: 'Set `window.history` to 1 or more, or `model.temporal` to "none".' },
    );
  return temporal.kind === 'timesnet'
    ? timesNet(temporal, hidden, io.market, io)
    : lstm(temporal, hidden, io.market);
}
