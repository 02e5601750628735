import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { sha256, systemCode, VamoError } from '../../core/index.ts';
import type { WeightingMethod } from './method.ts';
import { reasonOf } from './options.ts';
import { ownMethod } from './own-method.ts';
import { weightingMethods } from './registry.ts';

const exported = z.object({
  method: z.looseObject({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be lower-case letters, digits and -'),
    summary: z.string(),
    source: z.string(),
    cost: z.string(),
    options: z.array(z.string()).optional(),
    create: z.custom<WeightingMethod['create']>((x) => typeof x === 'function', 'no function'),
  }),
});

const PATH = 'Correct the path; it is relative to the configuration file that names it.';
const SHAPE =
  'Export `method`: {name, summary, source, cost, create(tasks, options)}; docs/methods.md has an example.';

const refuse = (path: string, problem: string, mend: string, cause?: unknown): VamoError =>
  new VamoError('CONFIG_INVALID', `training.methodFile: ${path}: ${problem}`, { mend, cause });

/** Node's own word for a file that it has no loader for. */
const mendOfLoad = (error: unknown): string =>
  systemCode(error) === 'ERR_UNKNOWN_FILE_EXTENSION'
    ? 'Write it as .js or .mjs, or use Node 22.18 or newer, which loads .ts.'
    : 'Correct the file; `--verbose` shows where it fails.';

/**
 * The SHA-256 of a method file's bytes, part of what determines a run.
 * @throws VamoError CONFIG_INVALID when it cannot be read
 */
export async function methodFileDigest(path: string): Promise<string> {
  try {
    return sha256(await readFile(path));
  } catch (error) {
    throw refuse(path, `cannot be read: ${reasonOf(error)}`, PATH, error);
  }
}

/**
 * The weighting method that a file of the user's own exports as `method`.
 * @param expected the configured method's name, and the bytes the run began with
 * @throws VamoError CONFIG_INVALID when the file does not load, exports no method or another one
 * @throws VamoError TRAIN_RESUME_MISMATCH when its bytes have changed
 */
export async function loadMethodFile(
  path: string,
  expected: { readonly name: string; readonly sha256?: string | undefined },
): Promise<WeightingMethod> {
  const digest = await methodFileDigest(path);
  if (expected.sha256 !== undefined && digest !== expected.sha256)
    throw new VamoError('TRAIN_RESUME_MISMATCH', `${path} has changed since the run began`, {
      details: { found: digest, expected: expected.sha256 },
    });
  let loaded: unknown;
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (error) {
    throw refuse(path, `does not load: ${reasonOf(error)}`, mendOfLoad(error), error);
  }
  const parsed = exported.safeParse(loaded);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.map(String).join('.') ?? 'method';
    throw refuse(path, `${where}: ${issue?.message ?? 'not valid'}`, SHAPE);
  }
  const { method } = parsed.data;
  // Logs and releases name a run's method: a name stands for one method.
  if (weightingMethods.has(method.name))
    throw refuse(
      path,
      `its method is named "${method.name}" like a built-in one`,
      'Give it a name of its own, in the file and in training.method.',
    );
  if (method.name !== expected.name)
    throw refuse(
      path,
      `its method is "${method.name}", training.method is "${expected.name}"; they must agree`,
      `Set training.method to "${method.name}", or name the method "${expected.name}".`,
    );
  return ownMethod(method, path);
}
