import type { S3Settings } from '../../contracts/index.ts';
import { environmentValue, VamoError } from '../../core/index.ts';
import { storeError } from '../store-error.ts';
import { call, refusal, type RetrySettings, type Settled } from './calls.ts';
import { createSend, type Credentials, type S3Request } from './request.ts';

export interface ClientOptions {
  readonly credentials?: Credentials;
  readonly retry?: RetrySettings;
  /** A connection on which nothing moves for so long is given up, ms. */
  readonly idleMs?: number;
}

/** About 20 s in all: an ingester then stops, having committed nothing of what it could not write. */
const RETRY: RetrySettings = { attempts: 8, pauseMs: 200, maxPauseMs: 8000 };
const IDLE_MS = 30_000;

/** @throws VamoError CONFIG_INVALID naming the variable that is not set */
function credentialsFromEnvironment(place: string): Credentials {
  const needed = (name: string): string => {
    const value = environmentValue(name);
    if (value !== undefined && value !== '') return value;
    throw new VamoError('CONFIG_INVALID', `${place}: ${name} is not set`, {
      details: { variable: name },
      mend: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN if there is one) in the environment.',
    });
  };
  return {
    accessKeyId: needed('AWS_ACCESS_KEY_ID'),
    secretAccessKey: needed('AWS_SECRET_ACCESS_KEY'),
    sessionToken: environmentValue('AWS_SESSION_TOKEN'),
  };
}

/** For people: `s3://bucket/prefix`. */
export const placeOf = ({ bucket, prefix }: S3Settings): string =>
  `s3://${[bucket, prefix].filter((part) => part !== '').join('/')}`;

/** Sends a request until it is settled, and answers if its status is one of those expected. */
export type Ask = (request: S3Request, expected: readonly number[]) => Promise<Settled>;

/**
 * A client of one bucket. Passing failures (5xx, 429, time-outs, broken connections) are retried.
 * @throws VamoError CONFIG_INVALID without credentials; every request: STORE_IO, STORE_FULL
 */
export function createAsk(settings: S3Settings, options: ClientOptions): Ask {
  const { retry = RETRY, idleMs = IDLE_MS } = options;
  const credentials = options.credentials ?? credentialsFromEnvironment(placeOf(settings));
  const send = createSend(settings, credentials, idleMs);
  return async (request, expected) => {
    const answer = await call(send, request, retry).catch((error: unknown) => {
      throw storeError(error, `cannot ${request.method} ${request.key}`);
    });
    if (expected.includes(answer.status)) return answer;
    throw refusal(request, answer);
  };
}
