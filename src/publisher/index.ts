export { ensureKeys, loadTrust, type SigningKeys } from './keys.ts';
export {
  openRegistry,
  type Checkpoint,
  type CheckpointDraft,
  type Registry,
  type StoredCheckpoint,
} from './registry.ts';
export { openReleaseLog, openReleases, type Cause, type Releases } from './releases.ts';
export { decideGate, overrideGate, type GateThresholds } from './gate.ts';
