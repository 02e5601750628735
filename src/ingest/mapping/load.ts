import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { systemCode, VamoError } from '../../core/index.ts';
import { type MappingSpec, parseMapping } from './spec.ts';

const SHIPPED = new URL('../../../config/mappings/', import.meta.url);

/** Where a mapping lies: its path, or the shipped one of that name. */
function pathOf(name: string): string {
  return /[./]/.test(name) ? name : fileURLToPath(new URL(`${name}.json`, SHIPPED));
}

/**
 * Reads a mapping by its path, or a shipped one by its name (`ipinyou`).
 * @throws VamoError MAPPING_INVALID
 */
export async function loadMapping(name: string): Promise<MappingSpec> {
  const path = pathOf(name);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const reason = systemCode(cause) === 'ENOENT' ? 'is not there' : 'cannot be read';
    throw new VamoError('MAPPING_INVALID', `${path} ${reason}`, {
      mend: 'Give the path of a mapping file, or the name of one in config/mappings.',
      cause,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VamoError('MAPPING_INVALID', `${path} is not JSON: ${reason}`, { cause });
  }
  return parseMapping(json);
}
