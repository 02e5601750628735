import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, stableJson } from '../../src/core/index.ts';

/** The same value with the members of every object the other way round. */
function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([k, v]) => [k, reversed(v)]));
}

describe('stableJson', () => {
  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(stableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(stableJson(reversed(value))).toBe(stableJson(value));
      }),
    );
  });

  it('sorts at every depth, keeps the order of lists, and has no spaces', () => {
    expect(stableJson({ b: [{ d: 1, c: 2 }], a: 'x y' })).toBe('{"a":"x y","b":[{"c":2,"d":1}]}');
    expect(stableJson([2, 1])).toBe('[2,1]');
  });

  it('leaves undefined members out', () => {
    expect(stableJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  });
});

describe('sha256', () => {
  it('is the known digest, of bytes and of text alike', () => {
    const known = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(sha256('abc')).toBe(known);
    expect(sha256(new TextEncoder().encode('abc'))).toBe(known);
  });
});
