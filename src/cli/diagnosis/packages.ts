import { createRequire } from 'node:module';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openEmbedded } from '../../clickhouse/index.ts';
import { runtimeProviders, TENSORFLOW_PACKAGES } from '../../engine/index.ts';
import { failed, type Finding } from './finding.ts';

/** The oldest Node the package runs on; as `engines` in package.json. */
const OLDEST_NODE = [20, 19] as const;

const require = createRequire(import.meta.url);

/** Node, and the packages with native code. */
export async function packageFindings(): Promise<readonly Finding[]> {
  return [
    nodeFinding(process.versions.node),
    await runtimeFinding(),
    await clickHouseFinding(),
    ...(await Promise.all(TENSORFLOW_PACKAGES.map(tensorFlowFinding))),
  ];
}

function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  const isNew = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  return {
    name: 'node',
    state: isNew ? 'ok' : 'failed',
    isRequired: true,
    detail: version,
    mend: isNew ? undefined : `Install Node ${OLDEST_NODE.join('.')} or newer.`,
  };
}

async function runtimeFinding(): Promise<Finding> {
  const name = 'onnxruntime-node';
  try {
    const detail = `${await versionOf(name)}, providers ${(await runtimeProviders()).join(', ')}`;
    return { name, state: 'ok', isRequired: true, detail };
  } catch (error) {
    return failed(name, error);
  }
}

/** Opens the embedded engine on a directory of its own and asks it for its version. */
async function clickHouseFinding(): Promise<Finding> {
  const name = 'chdb';
  const directory = await mkdtemp(join(tmpdir(), 'vamo-doctor-'));
  try {
    const engine = await openEmbedded(directory);
    const [row] = await engine.query<{ version: string }>('SELECT version() AS version');
    await engine.close();
    const detail = `${await versionOf(name)}, ClickHouse ${row?.version ?? ''}`;
    return { name, state: 'ok', isRequired: true, detail };
  } catch (error) {
    return failed(name, error);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function tensorFlowFinding(name: string): Promise<Finding> {
  const base = { name, isRequired: false };
  try {
    return { ...base, state: 'ok', detail: await versionOf(name) };
  } catch {
    return { ...base, state: 'absent', detail: 'not installed; for the engine tensorflow' };
  }
}

/** The version in an installed package's own package.json. */
async function versionOf(name: string): Promise<string> {
  for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}');
    const found = JSON.parse(text) as { readonly name?: string; readonly version?: string };
    if (found.name === name) return found.version ?? '';
    if (dirname(folder) === folder) return '';
  }
}
