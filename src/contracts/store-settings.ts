import { z } from 'zod';

const directoryStore = z.strictObject({ kind: z.literal('directory') });

const s3Store = z.strictObject({
  kind: z.literal('s3'),
  endpoint: z.url({
    protocol: /^https?$/,
    error: 'must be an address such as https://s3.eu-central-1.amazonaws.com',
  }),
  region: z.string().min(1).default('us-east-1'),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be 3 to 63 lower-case letters, digits, . -'),
  /** Folder of this data set in the bucket; two data sets never share one. */
  prefix: z
    .string()
    .regex(
      /^([A-Za-z0-9_=-][A-Za-z0-9_=.-]*(\/[A-Za-z0-9_=-][A-Za-z0-9_=.-]*)*)?$/,
      'must be names of letters, digits, _ = - and ., with / between them',
    )
    .default(''),
  /** true: ENDPOINT/BUCKET/KEY; false: the bucket's name before the endpoint's. */
  pathStyle: z.boolean().default(true),
});
export type S3Settings = z.infer<typeof s3Store>;

/**
 * Where ledgers, segments, dead letters and sealed days lie: in the data directory, or in an
 * S3-compatible object store that several hosts share. Credentials stand in the environment.
 */
export const storeSettings = z.discriminatedUnion('kind', [directoryStore, s3Store]);
export type StoreSettings = z.infer<typeof storeSettings>;
