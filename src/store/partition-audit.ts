import { type DayKey, dayKey } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';
import { WITHDRAWING } from './partition-layout.ts';

const FILE = /^days\/(\d{4}-\d{2}-\d{2})\/g(\d{4,})\/(.+)$/;

/** What lies in the folder of a generation. */
export interface GenerationFolder {
  readonly day: DayKey;
  readonly generation: number;
  /** The key of its manifest, which may say that the day is withdrawn; null = no reader sees it. */
  manifest: string | null;
  /** The other files, named by a manifest or not. */
  readonly files: string[];
}

/**
 * Every generation of which anything is there, also those that no reader sees because they have no
 * manifest.
 * @param day of this day only
 */
export async function generationFolders(
  store: ObjectStore,
  day?: DayKey,
): Promise<GenerationFolder[]> {
  const folders = new Map<string, GenerationFolder>();
  for (const key of await store.list(day === undefined ? 'days' : `days/${day}`)) {
    const [, name, generation, file] = FILE.exec(key) ?? [];
    if (name === undefined || file === undefined) continue;
    const id = `${name}/${generation}`;
    const folder = folders.get(id) ?? {
      day: dayKey(name),
      generation: Number(generation),
      manifest: null,
      files: [],
    };
    folders.set(id, folder);
    if (file === 'manifest.json') folder.manifest = key;
    else if (file !== WITHDRAWING) folder.files.push(key);
  }
  return [...folders.values()];
}
