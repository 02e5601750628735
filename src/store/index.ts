export { type ObjectStore } from './object-store.ts';
export { openDirectoryStore } from './directory-store.ts';
export { type Bucket, openBucket } from './s3/bucket.ts';
export { type ListedObject } from './s3/listing.ts';
export { openDataDirectory, openStore } from './data-directory.ts';
export { ensureIdentity, findIdentity } from './data-identity.ts';
export { isHeld } from './held.ts';
export { checkRules, keepRules, recordedRules } from './data-rules.ts';
export { recordedSource, recordGrowth, recordSource } from './recorded-source.ts';
export { keepOrphanGrace, longestOrphanGrace } from './orphan-grace.ts';
export { storeError } from './store-error.ts';
export { fileSha256, readVerified, verifiedFile } from './verified.ts';
export { createSegmentBuilder, type SegmentBuilder } from './segment-builder.ts';
export { type ColumnFile, openColumnFile } from './column-file.ts';
export { openColumns } from './partition-columns.ts';
export { isWholeArrowFile } from './arrow-file.ts';
export { type Ledger, openLedger } from './ledger.ts';
export { followLedgers, readLedgers } from './ledgers.ts';
export { orphansByAge, removeOrphans } from './orphans.ts';
export { committedOfDay, findOrphans, type CommittedDay } from './committed.ts';
export { columnsDigest, fileColumnsDigest } from './partition-digest.ts';
export {
  columnsFingerprint,
  fileFingerprint,
  multipliers,
  type Fingerprint,
} from './fingerprint.ts';
export {
  readManifest,
  findManifest,
  findNewest,
  withdrawDay,
  partitionFileKey,
  writeManifest,
} from './partition-manifest.ts';
export {
  listGenerations,
  listSealedDays,
  newestGeneration,
  nextGeneration,
} from './generations.ts';
export { generationFolders, type GenerationFolder } from './partition-audit.ts';
export { readDaySteps, readDayLog } from './partition-read.ts';
export { encodeDaySteps } from './steps-file.ts';
export { openStepsFile } from './steps-reader.ts';
export { partitionPrefix, STEPS_FILE_COLUMNS } from './partition-layout.ts';
export { prefixedStore } from './prefixed-store.ts';
