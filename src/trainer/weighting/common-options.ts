import { z } from 'zod';
import { type CommonOptions, commonOptions, isCommonOption } from './common-schema.ts';
import type { Weighting, WeightingInput, WeightingOutput, WeightingMethod } from './method.ts';
import { createLossFloor, type LossFloor } from './loss-floor.ts';
import { invalid, parseOptions, parseState } from './options.ts';
import { requireEffect } from './options-in-effect.ts';

const stateSchema = z.strictObject({
  method: z.string(),
  version: z.literal(1),
  state: z.record(z.string(), z.unknown()),
  lowest: z.array(z.number()).nullable(),
});

const sizeOf = (weights: Float64Array): number =>
  weights.reduce((total, w) => total + Math.abs(w), 0);

/** The method's weights without absent tasks, whose share goes to the others, at the total asked for. */
function atTotal(
  output: WeightingOutput,
  total: CommonOptions['totalWeight'],
  present: readonly boolean[],
): WeightingOutput {
  const native = sizeOf(output.weights);
  const kept = output.weights.map((w, k) => (present[k] ? w : 0));
  const left = sizeOf(kept);
  const wanted = { native, one: 1, K: present.length }[total];
  // Nothing left to scale: a method may refuse to move.
  const factor = left === 0 || left === wanted ? 1 : wanted / left;
  if (factor === 1) return { ...output, weights: kept };
  const weights = kept.map((w) => w * factor);
  if (!output.direction) return { ...output, weights };
  const scale = total === 'native' ? 1 : wanted / native;
  return { ...output, weights, direction: output.direction.map((x) => x * scale) };
}

function requireFinite(method: string, name: 'weights' | 'direction', values: ArrayLike<number>) {
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw invalid(
        `${method}.${name}[${i}]: ${values[i] ?? Number.NaN}; the method has no finite answer`,
        {
          ...(name === 'weights' && { details: { task: i } }),
        },
      );
}

/** An absent task has no loss: it is shown the mean of the others. */
function filledIn(losses: Float64Array, present: readonly boolean[]): Float64Array {
  if (present.every(Boolean)) return losses;
  const there = losses.filter((_, k) => present[k]);
  const mean = there.reduce((a, b) => a + b, 0) / there.length;
  return losses.map((loss, k) => (present[k] ? loss : mean));
}

/** The inputs with absent tasks' losses filled in and the floor told. */
function shown(
  { losses, ...input }: WeightingInput,
  present: readonly boolean[],
  floor: LossFloor | undefined,
): WeightingInput {
  const filled = losses && filledIn(losses, present);
  if (floor) {
    if (filled) floor.observe(filled);
    if (input.lookahead) {
      floor.observe(input.lookahead.before, 'lookahead.before');
      floor.observe(input.lookahead.after, 'lookahead.after');
    }
  }
  return {
    ...input,
    present,
    ...(filled && { losses: filled }),
    ...(floor && { lossFloor: floor.values() }),
  };
}

/**
 * A method under the options that all methods have, in one place: total weight, heads, scope and
 * metric, absent tasks, the floor of its losses, finite answers, and a state that names its method.
 */
export function createGoverned(
  method: WeightingMethod,
  tasks: number,
  given: Readonly<Record<string, unknown>>,
): Weighting {
  const entries = Object.entries(given);
  const common = Object.fromEntries(entries.filter(([name]) => isCommonOption(name)));
  const own = Object.fromEntries(entries.filter(([name]) => !isCommonOption(name)));
  const options = parseOptions(method.name, commonOptions, common);
  const { totalWeight, lossFloor, ...faces } = options;
  const inner = method.create(tasks, own);
  requireEffect(method.name, options, inner);
  const floor = inner.positiveLosses ? createLossFloor(tasks, lossFloor) : undefined;
  let present: readonly boolean[] = [];

  const outer: Weighting = {
    ...inner,
    name: method.name,
    headScale: totalWeight === 'one' ? 'mean' : totalWeight === 'K' ? 'one' : inner.headScale,
    ...Object.fromEntries(Object.entries(faces).filter(([, value]) => value !== undefined)),
    step(input) {
      present = input.present ?? Array.from({ length: tasks }, () => true);
      if (present.length !== tasks)
        throw invalid(`present: ${present.length} tasks; must be ${tasks}`);
      if (!present.includes(true)) return { weights: new Float64Array(tasks), diagnostics: {} };
      const output = inner.step(shown(input, present, floor));
      if (output.weights.length !== tasks)
        throw invalid(`${method.name}: ${output.weights.length} weights; must be ${tasks}`);
      requireFinite(method.name, 'weights', output.weights);
      if (output.direction) requireFinite(method.name, 'direction', output.direction);
      return atTotal(output, totalWeight, present);
    },
    save: () => ({
      method: method.name,
      version: 1,
      state: inner.save(),
      lowest: floor ? floor.save() : null,
    }),
    load(saved) {
      const parsed = parseState(method.name, stateSchema, saved);
      if (parsed.method !== method.name)
        throw invalid(`state: of method "${parsed.method}"; the run uses "${method.name}"`);
      inner.load(parsed.state);
      if (parsed.lowest) floor?.load(parsed.lowest);
    },
  };
  if (!inner.observe) return outer;
  return {
    ...outer,
    observe({ losses, newLosses, ...outcome }) {
      if (!present.includes(true)) return;
      const before = filledIn(losses, present);
      const after = newLosses && filledIn(newLosses, present);
      floor?.observe(before);
      if (after) floor?.observe(after);
      inner.observe?.({
        ...outcome,
        present,
        losses: before,
        ...(after && { newLosses: after }),
        ...(floor && { lossFloor: floor.values() }),
      });
    },
  };
}
