import { readFileSync } from 'node:fs';
import type { KafkaConfig, SASLOptions } from 'kafkajs';
import { VamoError } from '../core/index.ts';

/** As configured; null = without. */
export interface KafkaSecuritySettings {
  /** Files in PEM; null = the system's authorities, no certificate of our own. */
  readonly tls: {
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
  } | null;
  readonly sasl: { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' } | null;
}

/** What a client is given. */
export type KafkaSecurity = Pick<KafkaConfig, 'ssl' | 'sasl'>;

const USERNAME = 'VAMO_KAFKA_USERNAME';
const PASSWORD = 'VAMO_KAFKA_PASSWORD';

function readPem(file: string | null, setting: string): string | undefined {
  if (file === null) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VamoError('CONFIG_INVALID', `source.kafka.tls.${setting}: ${reason}`, {
      details: { setting, file },
      mend: 'Name a file in PEM that this user may read.',
      cause,
    });
  }
}

function secret(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new VamoError('CONFIG_INVALID', `source.kafka.sasl is set, but ${name} is not`, {
    details: { name },
    mend: `Set ${USERNAME} and ${PASSWORD} in the environment; they have no place in the configuration.`,
  });
}

/**
 * Reads certificates and secrets. @throws VamoError CONFIG_INVALID naming the setting or variable
 */
export function openKafkaSecurity(
  { tls, sasl }: KafkaSecuritySettings,
  env: Readonly<Record<string, string | undefined>>,
): KafkaSecurity {
  const ca = readPem(tls?.caFile ?? null, 'caFile');
  const cert = readPem(tls?.certFile ?? null, 'certFile');
  const key = readPem(tls?.keyFile ?? null, 'keyFile');
  const ssl = {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  return {
    ...(tls === null ? {} : { ssl }),
    ...(sasl === null
      ? {}
      : {
          sasl: {
            mechanism: sasl.mechanism,
            username: secret(env, USERNAME),
            password: secret(env, PASSWORD),
          } as SASLOptions,
        }),
  };
}
