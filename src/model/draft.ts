/** Whose gradient reaches a parameter: all tasks, one task, or the inverse dynamics alone. */
export type Scope = 'shared' | 'inverse' | number;

export type Init =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly sd: number }
  | { readonly kind: 'uniform'; readonly bound: number };

/** A parameter before it has a place in its group's vector. */
export interface Draft {
  readonly name: string;
  readonly shape: readonly number[];
  readonly scope: Scope;
  readonly init: Init;
}

/** A named tensor and its place in the flat vector of its group. */
export interface Parameter extends Draft {
  readonly size: number;
  /** First element in the flat vector: the generator's, or the inverse dynamics' own. */
  readonly offset: number;
}

export const constant = (value: number): Init => ({ kind: 'constant', value });
export const normal = (sd: number): Init => ({ kind: 'normal', sd });

/** A shared tensor. */
export function shared(name: string, shape: readonly number[], init: Init): Draft {
  return { name, shape, scope: 'shared', init };
}

/** Weight [out, in] and bias, both uniform in +-1/sqrt(in). */
export function linearDrafts(scope: Scope, name: string, out: number, inputs: number): Draft[] {
  const init: Init = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) };
  return [
    { name: `${name}.weight`, shape: [out, inputs], scope, init },
    { name: `${name}.bias`, shape: [out], scope, init },
  ];
}

/** Gain 1 and bias 0 of a layer normalisation. */
export function layerNormDrafts(name: string, width: number): Draft[] {
  return [
    shared(`${name}.weight`, [width], constant(1)),
    shared(`${name}.bias`, [width], constant(0)),
  ];
}
