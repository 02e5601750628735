import { type DayKey, dayKey } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

const FILE = /^days\/(\d{4}-\d{2}-\d{2})\/g(\d{4,})\/(.+)$/;
const MARKS = new Set(['manifest.json', 'withdrawn.json']);

/** What lies in the folder of a generation. */
export interface GenerationFolder {
  readonly day: DayKey;
  readonly generation: number;
  /** Its manifest, or the mark that the day was withdrawn. */
  readonly marks: string[];
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
      marks: [],
      files: [],
    };
    folders.set(id, folder);
    (MARKS.has(file) ? folder.marks : folder.files).push(key);
  }
  return [...folders.values()];
}
