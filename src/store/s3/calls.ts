import { sleep, systemCode, VamoError } from '../../core/index.ts';
import type { S3Answer, S3Request, Send } from './request.ts';

/** How often and how patiently a call is repeated. */
export interface RetrySettings {
  readonly attempts: number;
  /** Longest pause before the second attempt, ms; it doubles with each one up to `maxPauseMs`. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
}

/** An answer, and whether an attempt before it may have been carried out unseen. */
export interface Settled extends S3Answer {
  readonly isAmbiguous: boolean;
}

/** What the network, not the request, is to blame for. */
const NETWORK = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
/** 409: another conditional write of the key is under way. */
const PASSING = new Set([408, 409, 429, 500, 502, 503, 504]);

function isNetwork(error: unknown): boolean {
  const code = systemCode(error) ?? '';
  return NETWORK.has(code) || code.startsWith('HPE_');
}

const errorCode = ({ bytes }: S3Answer): string | undefined =>
  /<Code>([^<]*)<\/Code>/.exec(Buffer.from(bytes).toString())?.[1];

const isPassing = (answer: S3Answer): boolean =>
  PASSING.has(answer.status) || (answer.status === 400 && errorCode(answer) === 'RequestTimeout');

/**
 * Sends until an answer comes that another attempt would not change. Pauses are drawn anew each time,
 * so that writers refused together do not come back together.
 * @throws VamoError STORE_IO when every attempt failed; a local file's own error at once
 */
export async function call(
  send: Send,
  request: S3Request,
  { attempts, pauseMs, maxPauseMs }: RetrySettings,
): Promise<Settled> {
  let isAmbiguous = false;
  let failure = '';
  let cause: unknown;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    if (attempt > 1)
      await sleep(Math.random() * Math.min(maxPauseMs, pauseMs * 2 ** (attempt - 2)));
    try {
      const answer = await send(request);
      if (!isPassing(answer)) return { ...answer, isAmbiguous };
      failure = described(answer);
      cause = undefined;
      // 429 and 503 are said before anything is done, but a proxy may say them in another's name.
      isAmbiguous = true;
    } catch (error) {
      if (!isNetwork(error)) throw error;
      failure = error instanceof Error ? error.message : String(error);
      cause = error;
      isAmbiguous = true;
    }
  }
  throw new VamoError(
    'STORE_IO',
    `${request.method} ${request.key}: ${failure} (${attempts} attempts)`,
    {
      details: { key: request.key, attempts },
      cause,
      mend: REACH,
    },
  );
}

/** What a service said of a request that it refused. */
function described(answer: S3Answer): string {
  const text = Buffer.from(answer.bytes).toString();
  const said = /<Message>([^<]*)<\/Message>/.exec(text)?.[1];
  return ['HTTP', answer.status, errorCode(answer), said].filter((part) => part).join(' ');
}

const REACH = 'Check the object store and the network, then run the same command again.';
const FULL = /Quota|StorageFull|InsufficientStorage/;
const MENDS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Make the bucket, or correct store.bucket.',
  PermanentRedirect: 'Correct store.region and store.endpoint: the bucket lies elsewhere.',
  AuthorizationHeaderMalformed: 'Correct store.region.',
  RequestTimeTooSkewed: 'Set the clock of this host.',
};

/** An answer that is none of those a call expects. */
export function refusal({ method, key }: S3Request, answer: S3Answer): VamoError {
  const code = errorCode(answer) ?? '';
  const isFull = answer.status === 507 || FULL.test(code);
  const mend =
    MENDS[code] ??
    (answer.status === 403 || answer.status === 401
      ? 'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the rights they give on the bucket.'
      : REACH);
  return new VamoError(
    isFull ? 'STORE_FULL' : 'STORE_IO',
    `${method} ${key === '' ? 'the bucket' : key}: ${described(answer)}`,
    { details: { key, status: answer.status, code }, ...(!isFull && { mend }) },
  );
}
