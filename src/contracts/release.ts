import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { sha256, VamoError } from '../core/index.ts';
import { DIGEST_PATTERN, VERSION_PATTERN } from './checkpoint.ts';
import { jsonBytes, readJson } from './strict-json.ts';

const MAX_RECORD_BYTES = 65_536;
const PAYLOAD_TYPE = 'application/vnd.vamo.release.v1+json';
/** A larger step of the epoch is not a publisher's doing; it would use up the numbers. */
export const MAX_EPOCH_STEP = 1_000_000;

const digest = z.string().regex(DIGEST_PATTERN);
const channel = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/);
/** Characters of a reason or an actor's name. */
export const MAX_WORDS_LENGTH = 2000;
const words = z.string().min(1).max(MAX_WORDS_LENGTH);

/** A version together with the digest of its manifest file, which names every blob's digest. */
const releasedVersion = z.strictObject({
  version: z.string().regex(VERSION_PATTERN),
  manifest: digest,
});
export type ReleasedVersion = z.infer<typeof releasedVersion>;

/**
 * What a channel's fleet should run: the whole wanted state, never a change to it, so that a bidder
 * that was away needs one record only. Order comes from (generation, epoch), never from the clock.
 */
const releaseRecord = z.strictObject({
  schema: z.literal('release/v1'),
  channel,
  /** Rises with the set of trusted keys; epochs start again. */
  generation: z.int().min(1),
  epoch: z.int().min(1),
  /** SHA-256 of the record file before this one; null for the first of a generation. */
  prev: digest.nullable(),
  /** Informative. */
  issuedAt: z.int(),
  action: z.enum(['publish', 'rollback', 'revoke']),
  actor: words,
  reason: words,
  /** The gate's verdict the publication stands on; null where none was asked (rollback). */
  gate: z
    .strictObject({
      outcome: z.enum(['pass', 'hold', 'fail']),
      overridden: z.strictObject({ actor: words, reason: words }).nullable(),
    })
    .nullable(),
  champion: releasedVersion,
  previous: releasedVersion.nullable(),
  /** Manifest digests that must never be loaded again. */
  revoked: z.array(digest),
});
export type ReleaseRecord = z.infer<typeof releaseRecord>;

const envelope = z.strictObject({
  payloadType: z.literal(PAYLOAD_TYPE),
  payload: z.base64(),
  signatures: z
    .array(z.strictObject({ keyid: digest, sig: z.base64() }))
    .min(1)
    .max(16),
});

/** The public half of trust: which keys may sign releases. Written beside the private key. */
const trustRoot = z.strictObject({
  schema: z.literal('root/v1'),
  generation: z.int().min(1),
  keys: z.array(z.strictObject({ keyid: digest, publicKey: z.string() })).min(1),
});

export interface TrustedKeys {
  readonly generation: number;
  readonly keys: ReadonlyMap<string, KeyObject>;
}

/** The id of a public key: SHA-256 of its SPKI DER form. */
export function keyIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/**
 * Reads root.json.
 * @throws VamoError RELEASE_SIGNATURE when it is malformed or a key is not the ed25519 key its id says.
 */
export function parseTrustRoot(bytes: Uint8Array): TrustedKeys {
  const what = 'root.json';
  const root = readJson(trustRoot, bytes, { what, code: 'RELEASE_SIGNATURE', maxBytes: 65_536 });
  const keys = new Map<string, KeyObject>();
  for (const { keyid, publicKey } of root.keys) {
    const key = readPublicKey(publicKey);
    if (key.asymmetricKeyType !== 'ed25519' || keyIdOf(key) !== keyid)
      throw new VamoError('RELEASE_SIGNATURE', `${what}: key ${keyid} is not what its id says`);
    keys.set(keyid, key);
  }
  return { generation: root.generation, keys };
}

function readPublicKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new VamoError('RELEASE_SIGNATURE', 'root.json: a public key cannot be read', { cause });
  }
}

/** DSSE pre-authentication encoding: the exact bytes that are signed. */
function preAuthentication(payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** The record file: a DSSE envelope signed with one ed25519 key. */
export function signRecord(
  record: ReleaseRecord,
  privateKey: KeyObject,
  keyid: string,
): Uint8Array {
  const payload = Buffer.from(JSON.stringify(releaseRecord.parse(record)));
  const sig = sign(null, preAuthentication(payload), privateKey).toString('base64');
  return jsonBytes({
    payloadType: PAYLOAD_TYPE,
    payload: payload.toString('base64'),
    signatures: [{ keyid, sig }],
  });
}

/** A record whose signature holds, and the digest of its file, which the next record names. */
export interface VerifiedRecord {
  readonly record: ReleaseRecord;
  readonly sha256: string;
}

/**
 * Checks a record file's signature over its exact bytes, then reads it. Nothing of the payload is
 * looked at before a trusted key has signed it.
 * @throws VamoError RELEASE_SIGNATURE; RELEASE_REFUSED when it is signed but not a `release/v1`.
 */
export function verifyRecord(bytes: Uint8Array, trusted: TrustedKeys): VerifiedRecord {
  const { payload, signatures } = readJson(envelope, bytes, {
    what: 'release record',
    code: 'RELEASE_SIGNATURE',
    maxBytes: MAX_RECORD_BYTES,
  });
  const signed = Buffer.from(payload, 'base64');
  const message = preAuthentication(signed);
  const good = signatures.some(({ keyid, sig }) => {
    const key = trusted.keys.get(keyid);
    return key !== undefined && verify(null, message, key, Buffer.from(sig, 'base64'));
  });
  if (!good) {
    const keyids = signatures.map(({ keyid }) => keyid.slice(0, 12)).join(', ');
    throw new VamoError('RELEASE_SIGNATURE', `no signature of a trusted key (signed by ${keyids})`);
  }
  const record = readJson(releaseRecord, signed, {
    what: 'release record',
    code: 'RELEASE_REFUSED',
    maxBytes: MAX_RECORD_BYTES,
  });
  return { record, sha256: sha256(bytes) };
}

/** The newest record a bidder has accepted; null fields before the first. */
export interface TrustedState {
  readonly channel: string;
  readonly generation: number;
  readonly epoch: number;
  readonly sha256: string | null;
  readonly revoked: readonly string[];
}

/** What a bidder trusts before its first record. */
export function initialTrust(channelName: string): TrustedState {
  return { channel: channelName, generation: 0, epoch: 0, sha256: null, revoked: [] };
}

/**
 * The state after a verified record, by the rules that stop replay, equivocation and mix-ups. Pure:
 * the caller keeps the result only after the record's checkpoint has been loaded and tested.
 * @throws VamoError RELEASE_REFUSED with the rule that was broken.
 */
export function acceptRecord(state: TrustedState, verified: VerifiedRecord): TrustedState {
  const reason = refusal(state, verified);
  const { record } = verified;
  if (reason !== undefined)
    throw new VamoError('RELEASE_REFUSED', `epoch ${record.epoch}: ${reason}`, {
      details: { epoch: record.epoch, generation: record.generation, trusted: state.epoch },
    });
  const revoked = [...new Set([...state.revoked, ...record.revoked])].sort();
  const { channel: name, generation, epoch } = record;
  return { channel: name, generation, epoch, sha256: verified.sha256, revoked };
}

function refusal(
  state: TrustedState,
  { record, sha256: hash }: VerifiedRecord,
): string | undefined {
  if (record.channel !== state.channel)
    return `channel "${record.channel}", this is "${state.channel}"`;
  const sameGeneration = record.generation === state.generation;
  if (record.generation < state.generation)
    return `generation ${record.generation} is before the trusted ${state.generation}`;
  if (sameGeneration && record.epoch === state.epoch && hash !== state.sha256)
    return 'equivocation: another record of this epoch is already trusted';
  if (sameGeneration && record.epoch <= state.epoch)
    return `replayed: epoch ${state.epoch} is already trusted`;
  if (record.epoch - (sameGeneration ? state.epoch : 0) > MAX_EPOCH_STEP)
    return `jumps more than ${MAX_EPOCH_STEP} epochs`;
  if (sameGeneration && record.epoch === state.epoch + 1 && record.prev !== state.sha256)
    return 'prev is not the trusted record before it';
  if ([...state.revoked, ...record.revoked].includes(record.champion.manifest))
    return `version ${record.champion.version} is revoked`;
  return undefined;
}
