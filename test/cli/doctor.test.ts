import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { rulesOf } from '../../src/contracts/index.ts';
import { keepRules, openDataDirectory } from '../../src/store/index.ts';
import { finished, startVamo } from '../helpers/cli.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vamo-doctor-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

interface Diagnosis {
  readonly ready: boolean;
  readonly engine: { readonly kind: string; readonly reason: string } | null;
  readonly findings: readonly { name: string; state: string; detail: string; mend?: string }[];
}

/** Without a search path no GPU tool is found, whatever the machine has. */
async function doctor(...args: readonly string[]) {
  const { code, stdout } = await finished(
    startVamo(['doctor', '--json', ...args], { PATH: '', VK_DRIVER_FILES: join(dir, 'none.json') }),
  );
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  const found = new Map(diagnosis.findings.map((finding) => [finding.name, finding]));
  return { code, diagnosis, found };
}

describe('vamo doctor', () => {
  it('exits 0 where the default pipeline can run, and makes nothing', async () => {
    const data = join(dir, 'not', 'there');
    const { code, diagnosis, found } = await doctor('--data', data);
    expect(code).toBe(0);
    expect(diagnosis.ready).toBe(true);
    expect(diagnosis.engine?.reason).toContain('cuda: nvidia-smi lists no GPU');
    expect(found.get('node')?.detail).toBe(process.versions.node);
    expect(found.get('onnxruntime-node')?.detail).toMatch(/^\d+\.\d+\.\d+, providers cpu/);
    expect(found.get('chdb')?.detail).toMatch(/ClickHouse \d+/);
    expect(found.get('engine cpu')?.state).toBe('ok');
    expect(found.get('python3')?.state).toBe('absent');
    expect(found.get('disk')?.detail).toMatch(/GiB free$/);
    await expect(access(join(dir, 'not'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('exits 1 with a mend when the configured engine cannot be used here', async () => {
    const file = join(dir, 'cuda.json');
    await writeFile(file, '{"training": {"engine": "cuda"}}');
    const { code, diagnosis, found } = await doctor('--data', dir, '--config', file);
    expect(code).toBe(1);
    expect(diagnosis).toMatchObject({ ready: false, engine: null });
    expect(found.get('training.engine')).toMatchObject({ state: 'failed' });
    expect(found.get('training.engine')?.mend).toContain('docs/engines.md');
  });

  it('exits 1 and still reports the rest when configuration and data directory are broken', async () => {
    const file = join(dir, 'typo.json');
    await writeFile(file, '{"training": {"engnie": "cpu"}}');
    const { code, found } = await doctor('--data', join(file, 'data'), '--config', file);
    expect(code).toBe(1);
    expect(found.get('configuration')?.detail).toContain('training.engnie');
    expect(found.get('data directory')?.state).toBe('failed');
    expect(found.get('engine cpu')?.state).toBe('ok');
  });

  it('exits 1 when the data was taken in under other rules', async () => {
    const data = join(dir, 'filled');
    const { store } = await openDataDirectory(data);
    const rules = rulesOf(await loadConfig());
    await keepRules(store, rules);
    expect((await doctor('--data', data)).found.get('configuration')?.state).toBe('ok');
    await keepRules(store, { ...rules, tasks: { ...rules.tasks, app: 'gmv' } });
    const { code, found } = await doctor('--data', data);
    expect([code, found.get('data directory')?.state]).toEqual([1, 'ok']);
    expect(found.get('configuration')).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('tasks: app: left out') as string,
      mend: expect.stringContaining('Add "app"') as string,
    });
  });

  it('prints a table for people', async () => {
    const { stdout } = await finished(startVamo(['doctor', '--data', dir]));
    expect(stdout).toMatch(/^ok +node +\d+/m);
    expect(stdout).toMatch(/^engine: \w+, /m);
  });
});
