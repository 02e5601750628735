export { ensureKeys, loadTrust, type SigningKeys } from './keys.ts';
export { openRegistry, type Checkpoint, type CheckpointDraft, type Registry } from './registry.ts';
export { openReleases, type Releases } from './releases.ts';
export { rolledAwayFrom, rollbackTarget } from './rollback-target.ts';
export { decideGate, holdGate, holdRolledBack, overrideGate } from './gate.ts';
