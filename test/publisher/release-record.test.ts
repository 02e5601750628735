import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptRecord,
  initialTrust,
  keyIdOf,
  type ReleaseRecord,
  signRecord,
  type TrustedKeys,
  type TrustedState,
  verifyRecord,
} from '../../src/contracts/index.ts';
import { sha256 } from '../../src/core/index.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const keyid = keyIdOf(publicKey);
const trusted: TrustedKeys = { generation: 1, keys: new Map([[keyid, publicKey]]) };
const version = (n: number) => ({
  version: `2026-01-12-r${n}-0123456789ab`,
  manifest: sha256(`manifest ${n}`),
});

function record(changes: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return {
    schema: 'release/v1',
    channel: 'production',
    generation: 1,
    epoch: 1,
    prev: null,
    issuedAt: 1,
    action: 'publish',
    actor: 'test',
    reason: 'because',
    gate: null,
    champion: version(1),
    previous: null,
    revoked: [],
    ...changes,
  };
}
const signed = (changes: Partial<ReleaseRecord> = {}) =>
  verifyRecord(signRecord(record(changes), privateKey, keyid), trusted);
const signature = (error: unknown) => (error as { code?: string }).code;

describe('verification', () => {
  it('gives back the record that was signed', () => {
    expect(signed().record).toEqual(record());
  });
  it('refuses a foreign key, also under a trusted key id', () => {
    for (const id of [keyid, keyIdOf(stranger.publicKey)])
      expect(() => verifyRecord(signRecord(record(), stranger.privateKey, id), trusted)).toThrow(
        expect.objectContaining({ code: 'RELEASE_SIGNATURE' }) as Error,
      );
  });
  it('refuses every flipped bit and every truncation', () => {
    const bytes = signRecord(record(), privateKey, keyid);
    const payloadOf = (file: Uint8Array) => verifyRecord(file, trusted).record;
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= 1 << bit;
        try {
          // White space outside the signed bytes, or unused bits of base64, may differ; the record may not.
          return JSON.stringify(payloadOf(changed)) === JSON.stringify(record());
        } catch (error) {
          return signature(error) === 'RELEASE_SIGNATURE';
        }
      }),
      { numRuns: 400 },
    );
    for (const length of [0, 1, bytes.length >> 1, bytes.length - 3])
      expect(() => payloadOf(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'RELEASE_SIGNATURE' }) as Error,
      );
  });
  it('refuses what is too long before it reads it', () => {
    const long = new Uint8Array(70_000).fill(32);
    expect(() => verifyRecord(long, trusted)).toThrow(/65536/);
  });
  it('refuses __proto__ and unknown fields of the envelope', () => {
    const text = new TextDecoder().decode(signRecord(record(), privateKey, keyid));
    for (const extra of ['"__proto__": {}', '"extra": 1'])
      expect(() =>
        verifyRecord(new TextEncoder().encode(text.replace('{', `{${extra},`)), trusted),
      ).toThrow(expect.objectContaining({ code: 'RELEASE_SIGNATURE' }) as Error);
  });
});

describe('acceptance', () => {
  const first = signed();
  const state = acceptRecord(initialTrust('production'), first);
  const refuse = (from: TrustedState, changes: Partial<ReleaseRecord>, reason: RegExp) => {
    expect(() => acceptRecord(from, signed(changes))).toThrow(
      expect.objectContaining({
        code: 'RELEASE_REFUSED',
        message: expect.stringMatching(reason) as string,
      }) as Error,
    );
  };
  it('moves on to the next epoch', () => {
    const next = signed({ epoch: 2, prev: first.sha256 });
    expect(acceptRecord(state, next)).toMatchObject({ epoch: 2, sha256: next.sha256 });
  });
  it('jumps over records it never saw', () => {
    expect(acceptRecord(state, signed({ epoch: 9, prev: sha256('unseen') })).epoch).toBe(9);
  });
  it('starts over in a higher generation', () => {
    expect(acceptRecord(state, signed({ generation: 2 }))).toMatchObject({
      generation: 2,
      epoch: 1,
    });
  });
  it('refuses by each rule', () => {
    const later = acceptRecord(state, signed({ epoch: 5, prev: null }));
    refuse(state, { channel: 'staging', epoch: 2 }, /channel/);
    refuse(later, { epoch: 3 }, /replayed/);
    refuse(state, { reason: 'other' }, /equivocation/);
    refuse(state, { epoch: 2, prev: sha256('else') }, /prev/);
    refuse(state, { epoch: 2 }, /prev/);
    refuse(state, { epoch: 2_000_000 }, /jumps/);
    refuse(acceptRecord(state, signed({ generation: 2 })), { epoch: 7 }, /generation/);
    refuse(state, { epoch: 3, revoked: [version(1).manifest] }, /revoked/);
  });
  it('remembers what was revoked', () => {
    const revoking = signed({ epoch: 3, champion: version(2), revoked: [version(1).manifest] });
    refuse(acceptRecord(state, revoking), { epoch: 5 }, /revoked/);
  });
  it('never goes down, in any order of arrival', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 12 }), (epochs) => {
        let now = initialTrust('production');
        for (const epoch of epochs)
          try {
            const next = acceptRecord(now, signed({ epoch, reason: `${epoch}` }));
            expect(next.epoch).toBeGreaterThan(now.epoch);
            now = next;
          } catch (error) {
            expect(signature(error)).toBe('RELEASE_REFUSED');
          }
      }),
      { numRuns: 30 },
    );
  });
});
