import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's name, not as a literal: it is not in the lock file, so nothing may need its types. */
export const TFJS_NODE = ['@tensorflow', 'tfjs-node'].join('/');

const addon = new URL(
  `../../node_modules/${TFJS_NODE}/lib/napi-v8/tfjs_binding.node`,
  import.meta.url,
);

/** Whether the package and its native addon are there; says so aloud when not. */
export function hasTensorFlow(what: string): boolean {
  if (existsSync(fileURLToPath(addon))) return true;
  console.warn(
    `SKIPPED: ${what}, for ${TFJS_NODE} is not installed.\n` +
      'Run scripts/tfjs-node.sh, then these tests again.',
  );
  return false;
}
