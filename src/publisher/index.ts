export { ensureKeys, loadTrust, type SigningKeys } from './keys.ts';
export { openRegistry, type Checkpoint, type CheckpointDraft, type Registry } from './registry.ts';
export { openReleases, type Releases } from './releases.ts';
export { decideGate, holdGate, overrideGate } from './gate.ts';
