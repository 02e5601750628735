/**
 * Every error code, what an operator does about it, and whether repeating the call may help.
 * Codes are never reused for another meaning. `docs/reference/errors.md` is made from this table.
 */
export const ERROR_CODES = {
  USAGE: { retriable: false, mend: 'See `vamo COMMAND --help`.' },
  INTERNAL: {
    retriable: false,
    mend: 'This is a defect. Run again with --verbose and report what it prints.',
  },
  INTERRUPTED: {
    retriable: true,
    mend: 'Run the same command again; it goes on where it stopped.',
  },
  CONFIG_INVALID: {
    retriable: false,
    mend: 'Correct the named key; `config/default.json` shows every key.',
  },
  CONFIG_UNREADABLE: { retriable: false, mend: 'Check the path and that the file is valid JSON.' },
  DATA_FORMAT: {
    retriable: false,
    mend: 'Use the vamo version that wrote this data directory, or another directory.',
  },
  DATA_EMPTY: {
    retriable: false,
    mend: 'Name the data directory with --data, or fill this one first: `vamo ingest` or `vamo backfill`.',
  },
  DATA_RULES: {
    retriable: false,
    mend: 'Give the configuration this data directory was filled with (`config.json` in it), or use another directory.',
  },
  DATA_LOCKED: { retriable: true, mend: 'Wait for the named process to end, or stop it.' },
  STORE_FULL: { retriable: true, mend: 'Free disk space, then run the same command again.' },
  STORE_IO: { retriable: true, mend: 'Check the disk and the permissions of the data directory.' },
  STORE_NOT_FOUND: { retriable: false, mend: 'Check the name; nothing was written.' },
  STORE_CORRUPT: {
    retriable: false,
    mend: 'The file differs from its recorded digest. Restore it from a copy, or rebuild it from its inputs.',
  },
  STORE_UNFIT: {
    retriable: false,
    mend: 'Events would be lost or counted twice in it. Use a service that honours `If-None-Match: *` on every write, or store.kind = "directory".',
  },
  MAPPING_INVALID: {
    retriable: false,
    mend: 'Correct the named place of the mapping file; `vamo mapping check FILE SAMPLE` tries it.',
  },
  EVENT_INVALID: {
    retriable: false,
    mend: 'Correct the producer; the record is in the dead-letter file with its reason.',
  },
  REGISTRY_UNAVAILABLE: {
    retriable: true,
    mend: 'Check `source.registry` and the network; ingest waits and goes on by itself.',
  },
  REGISTRY_REFUSED: {
    retriable: false,
    mend: 'Set VAMO_REGISTRY_USER and VAMO_REGISTRY_PASSWORD to an account that may read schemas.',
  },
  PACKAGE_MISSING: { retriable: false, mend: 'Install the named package beside vamo.' },
  INGEST_SOURCE: { retriable: true, mend: 'Check the broker address, the topic and the network.' },
  INGEST_SOURCE_CHANGED: {
    retriable: false,
    mend: 'This data directory belongs to another source. Correct the source in the configuration, or use another directory.',
  },
  INGEST_OFFSET_LOST: {
    retriable: false,
    mend: 'Records were deleted before they were read. Restore the topic or the file, or ingest what is left into another data directory.',
  },
  INGEST_TOO_MANY_BAD: {
    retriable: false,
    mend: 'Nothing of that range was kept. docs/events.md, and `vamo mapping check` for a mapped log, say what a record must be: correct the producer or the mapping, or raise `ingest.maxBadShare`.',
  },
  INGEST_CODEC: {
    retriable: false,
    mend: 'Install the package that the message names, then start again.',
  },
  INGEST_SHUTDOWN: {
    retriable: true,
    mend: 'Start it again: what was not committed is read once more. Raise `ingest.shutdownMs` if the store is slow.',
  },
  INGEST_LEDGER: {
    retriable: false,
    mend: 'The ledger chain is broken. Restore the ledger directory from a copy.',
  },
  METRICS_PORT: {
    retriable: true,
    mend: 'Name a free port with --metrics (0 = any free one) and an address of this machine in `metrics.host`.',
  },
  DAY_MISSING: {
    retriable: false,
    mend: 'Ingest and seal the named day first; `vamo days` lists what is there.',
  },
  DAY_UNSEALED: {
    retriable: true,
    mend: 'Run `vamo seal` once its events have arrived.',
  },
  DAY_NOT_READY: {
    retriable: true,
    mend: 'Events up to the cut have not all been ingested. Run `vamo ingest`, then seal again; where the source has ended, `vamo seal --day DAY --at-end`.',
  },
  DAY_SEALED: {
    retriable: false,
    mend: 'A sealed day never changes; late rows are kept and counted.',
  },
  BACKFILL_UNKNOWN: {
    retriable: false,
    mend: '`vamo backfill --list` shows every backfill and its id.',
  },
  BACKFILL_INVALID: {
    retriable: false,
    mend: 'Nothing was changed. Correct what is named; `--dry-run` shows what would be read.',
  },
  BACKFILL_BUILT_ON: {
    retriable: false,
    mend: 'Undo the newer backfill first. An amended day stays as it is; pin an older generation instead.',
  },
  SQL_FAILED: { retriable: false, mend: 'Correct the SQL; `vamo days --help` shows an example.' },
  SQL_OWNED: {
    retriable: false,
    mend: 'Load into another database (`CLICKHOUSE_DATABASE`). Where this data directory takes the place of the other: `DROP VIEW owner` in that database (an embedded copy needs no such step), then `vamo rebuild --all`.',
  },
  SQL_PORT: {
    retriable: true,
    mend: 'Name a free port with --port (0 = any free one) and an address of this machine in `clickhouse.host`.',
  },
  SQL_UNREACHABLE: {
    retriable: true,
    mend: 'Check CLICKHOUSE_URL and that the server, or `vamo clickhouse serve`, runs there.',
  },
  ENGINE_UNAVAILABLE: {
    retriable: false,
    mend: 'Run `npm ci` again; the named package did not load.',
  },
  ENGINE_KERNEL_MISSING: {
    retriable: false,
    mend: 'Add the kernel under src/engine/kernels and a case for it in test/engine.',
  },
  ENGINE_GRAPH: {
    retriable: false,
    mend: 'The graph could not be compiled or run; see the cause.',
  },
  TRAIN_EMPTY_TASK: {
    retriable: false,
    mend: 'Give every configured task campaigns with outcomes in each part of the window: wait for them, or backfill (docs/events.md, "Adding a task").',
  },
  TRAIN_NOT_FINITE: {
    retriable: false,
    mend: 'Lower `training.optimiser.learningRate` or check the day named; the last good checkpoint is kept.',
  },
  TRAIN_RESUME_MISMATCH: {
    retriable: false,
    mend: 'Delete the named run directory to start over.',
  },
  WEIGHTING_INVALID: { retriable: false, mend: 'Check the weighting method’s options and inputs.' },
  WINDOW_INCOMPLETE: {
    retriable: false,
    mend: 'Ingest and seal the missing days, or lower the window sizes in `window`.',
  },
  CHECKPOINT_INVALID: {
    retriable: false,
    mend: 'The checkpoint is not what its manifest says. Publish it again or roll back.',
  },
  CHECKPOINT_SELFTEST: {
    retriable: false,
    mend: 'The graph does not answer its golden rows. Do not use it; roll back.',
  },
  RELEASE_SIGNATURE: {
    retriable: false,
    mend: 'The record is not signed by a trusted key. Do not trust its sender.',
  },
  RELEASE_NONE: {
    retriable: true,
    mend: 'Release a first version with `vamo publish`, or copy the publisher’s keys/root.json to the named place.',
  },
  RELEASE_REFUSED: {
    retriable: false,
    mend: 'The record is older than or contradicts what is already trusted.',
  },
  KEY_UNSAFE: {
    retriable: false,
    mend: 'Make the named private key readable by its owner only (chmod 600), or replace it if others could read it.',
  },
  RELEASE_RACE: {
    retriable: true,
    mend: 'Another publisher took this epoch. Look at `vamo versions`, then run again.',
  },
  VERSION_UNKNOWN: { retriable: false, mend: '`vamo versions` lists the versions that exist.' },
  FLEET_NOT_CONVERGED: { retriable: true, mend: 'See `vamo fleet` for who is behind and why.' },
  BIDDER_REQUEST: { retriable: false, mend: 'Correct the named field of the request.' },
  BIDDER_PORT: {
    retriable: true,
    mend: 'Name a free port with --port (0 = any free one) and an address of this machine in `fleet.host`.',
  },
  BIDDER_NOT_READY: { retriable: true, mend: 'No version is loaded yet; publish one or wait.' },
} as const satisfies Record<string, { retriable: boolean; mend: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
