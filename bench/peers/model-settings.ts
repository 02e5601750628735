import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.ts';
import { oneOf } from '../options.ts';

export const SIZES = ['small', 'base'] as const;
const TEMPORAL = ['timesnet', 'none'] as const;

/** Model and optimiser as a user's file with this size and temporal module would set them. */
export async function modelSettings(size: string, temporal: string) {
  const folder = mkdtempSync(join(tmpdir(), 'vamo-bench-'));
  const file = join(folder, 'config.json');
  const model = {
    size: oneOf('size', size, SIZES),
    temporal: oneOf('temporal', temporal, TEMPORAL),
  };
  writeFileSync(file, JSON.stringify({ model }));
  const config = await loadConfig([file]);
  rmSync(folder, { recursive: true });
  const { decay: _, ...optimiser } = config.training.optimiser;
  const { inverseLearningRate } = config.training;
  return { model: config.model, optimiser, inverseLearningRate };
}
