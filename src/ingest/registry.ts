import { VamoError } from '../core/index.ts';
import type { AvroType } from './avro-cursor.ts';

const PACKAGE = '@kafkajs/confluent-schema-registry';

/** What is used of the package's schemas, for both formats; of Avro the type as well. */
export interface RegisteredSchema extends Partial<AvroType> {
  fromBuffer(bytes: Buffer): unknown;
}

export interface RegistryOptions {
  readonly url: string;
  /** How long an answer may take. */
  readonly timeoutMs?: number;
  readonly auth?: { readonly username: string; readonly password: string } | undefined;
}

/** A schema registry of Confluent's kind. Schemas never change, so each is fetched once. */
export interface Registry {
  /**
   * The schema of an id, or why there is none that can be used.
   * @throws VamoError REGISTRY_UNAVAILABLE (retriable), REGISTRY_REFUSED
   */
  schema(id: number): Promise<RegisteredSchema | string>;
}

async function loadPackage() {
  try {
    return await import('@kafkajs/confluent-schema-registry');
  } catch (cause) {
    throw new VamoError('PACKAGE_MISSING', `${PACKAGE} does not load; Avro and Protobuf need it`, {
      mend: `Install it: npm install ${PACKAGE}`,
      details: { package: PACKAGE },
      cause,
    });
  }
}

const statusOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;

/** @throws VamoError PACKAGE_MISSING */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { url, auth, timeoutMs: timeout = 5000 } = options;
  const { SchemaRegistry } = await loadPackage();
  const client = new SchemaRegistry({
    host: url,
    clientId: 'vamo',
    // Who waits and asks again is the partition, which can be stopped meanwhile.
    retry: { retries: 0 },
    middlewares: [
      () => ({
        prepareRequest: async (next) => (await next()).enhance({ timeout }),
      }),
    ],
    ...(auth ? { auth: { ...auth } } : {}),
  });

  return {
    async schema(id) {
      try {
        return await client.getSchema(id);
      } catch (error) {
        const status = statusOf(error);
        const reason = error instanceof Error ? error.message : String(error);
        if (status === undefined) return `schema ${id} cannot be used: ${reason}`;
        if (status === 404) return `schema ${id} is not in the registry`;
        if (status === 401 || status === 403)
          throw new VamoError('REGISTRY_REFUSED', `${url} refuses schema ${id}: ${reason}`, {
            details: { url, id },
            cause: error,
          });
        throw new VamoError('REGISTRY_UNAVAILABLE', `${url} gives no schema ${id}: ${reason}`, {
          details: { url, id },
          cause: error,
        });
      }
    },
  };
}
