/** A source of uniform draws. Every random thing in this project takes one, seeded. */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  next(): number;
  /** Uniform 32-bit unsigned integer. */
  uint32(): number;
  /** Standard normal draw. */
  normal(): number;
  /** Uniform integer in [0, n). */
  below(n: number): number;
  /** The generator's whole state, for checkpoints; `restoreRandom` is its inverse. */
  state(): readonly number[];
}

/** Mixes the bits of a 32-bit integer (two rounds of xor-shift-multiply, full avalanche). */
export function mix32(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** One 32-bit key from several integers: the seed of an independent stream. */
export function mixKey(...parts: readonly number[]): number {
  let h = 0x9e3779b9;
  for (const part of parts) h = mix32(h ^ mix32((part | 0) + 0x85ebca6b));
  return h;
}

function fromState(a0: number, b0: number, c0: number, d0: number): Random {
  let a = a0 | 0;
  let b = b0 | 0;
  let c = c0 | 0;
  let d = d0 | 0;
  // sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes BigCrush.
  const uint32 = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  const next = (): number => uint32() / 4294967296;
  return {
    next,
    uint32,
    // Box-Muller without a spare value, so that the state is the four words alone.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    below: (n) => Math.floor(next() * n),
    state: () => [a, b, c, d],
  };
}

/** The stream named by the given integers, e.g. `(seed, tag, day, step)`. Equal names, equal draws. */
export function seededRandom(...key: readonly number[]): Random {
  const random = fromState(mixKey(...key, 1), mixKey(...key, 2), mixKey(...key, 3), 1);
  for (let i = 0; i < 12; i++) random.uint32();
  return random;
}

/** A generator that goes on from a saved `state()`. */
export function restoreRandom(state: readonly number[]): Random {
  const [a = 0, b = 0, c = 0, d = 0] = state;
  return fromState(a, b, c, d);
}
