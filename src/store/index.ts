export { type ObjectStore } from './object-store.ts';
export { openDirectoryStore } from './directory-store.ts';
export { openDataDirectory, DATA_FORMAT_VERSION, type DataDirectory } from './data-directory.ts';
export { storeError } from './store-error.ts';
export { readVerified } from './verified.ts';
export { createSegmentBuilder, type SegmentBuilder } from './segment-builder.ts';
export { openColumns, type ArrowColumns, type ColumnChunk } from './partition-columns.ts';
export { openLedger, readLedgers, type Ledger } from './ledger.ts';
export {
  committedOfDay,
  findOrphans,
  type CommittedDay,
  type CommittedSegment,
  type CommittedDeadLetters,
} from './committed.ts';
export { columnsDigest } from './partition-digest.ts';
export {
  readManifest,
  findManifest,
  listSealedDays,
  partitionPrefix,
  manifestKey,
  type SealedDay,
} from './partition-manifest.ts';
export { readDaySteps, readDayLog, readPartitionFile } from './partition-read.ts';
export { STEPS_FILE_COLUMNS } from './partition-layout.ts';
