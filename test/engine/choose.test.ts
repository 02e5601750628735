import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineKind } from '../../src/core/index.ts';
import { chooseEngine, type EngineReport, inspectEngine } from '../../src/engine/index.ts';
import { graphicsDevice, vulkanDevice } from '../../src/engine/devices.ts';

const usable = (kind: EngineKind, isHardware = true): EngineReport => ({
  kind,
  isUsable: true,
  isHardware,
  detail: `${kind} device`,
});
const unusable = (kind: EngineKind): EngineReport => ({
  kind,
  isUsable: false,
  detail: `no ${kind}`,
  mend: `get ${kind}`,
});
/** A machine on which what is listed works; every engine that was tried is kept. */
function machine(...reports: EngineReport[]) {
  const tried: EngineKind[] = [];
  const inspect = (kind: EngineKind): Promise<EngineReport> => {
    tried.push(kind);
    return Promise.resolve(reports.find((r) => r.kind === kind) ?? unusable(kind));
  };
  return { tried, inspect };
}

describe('the engine chosen', () => {
  it('by auto is cuda, then webgpu on a real GPU, then the cpu', async () => {
    const kindOf = async (...reports: EngineReport[]) =>
      (await chooseEngine('auto', machine(...reports).inspect)).kind;
    expect(await kindOf(usable('cuda'), usable('webgpu'), usable('tensorflow'))).toBe('cuda');
    expect(await kindOf(usable('webgpu'), usable('tensorflow'))).toBe('webgpu');
    expect(await kindOf(usable('webgpu', false))).toBe('cpu');
    expect(await kindOf(usable('tensorflow'))).toBe('cpu');
  });

  it('by auto comes with what was passed over, and why', async () => {
    const { reason } = await chooseEngine('auto', machine(usable('webgpu', false)).inspect);
    expect(reason).toContain('cuda: no cuda');
    expect(reason).toContain('webgpu: webgpu device, never by itself');
  });

  it('when named is that one, software device or not', async () => {
    const { inspect, tried } = machine(usable('cuda'), usable('webgpu', false));
    expect((await chooseEngine('webgpu', inspect)).kind).toBe('webgpu');
    expect((await chooseEngine('cpu', inspect)).kind).toBe('cpu');
    expect(tried).toEqual(['webgpu']);
  });

  it('when named and not usable is refused with reason and mend, never replaced', async () => {
    await expect(chooseEngine('tensorflow', machine(usable('cuda')).inspect)).rejects.toMatchObject(
      {
        code: 'ENGINE_UNAVAILABLE',
        message: 'engine tensorflow: no tensorflow',
        mend: 'get tensorflow',
      },
    );
  });
});

describe('graphics devices', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'vamo-icd-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('are hardware only where a driver has a device', () => {
    expect(vulkanDevice(['libvulkan_radeon.so'], true).kind).toBe('hardware');
    expect(vulkanDevice(['libvulkan_radeon.so'], false).kind).toBe('none');
    expect(vulkanDevice(['libvulkan_radeon.so', 'libvulkan_lvp.so'], false).kind).toBe('software');
    expect(vulkanDevice(['./libvk_swiftshader.so'], true).kind).toBe('software');
    expect(vulkanDevice([], true).kind).toBe('none');
  });

  it.runIf(platform() === 'linux')('are found through the manifests named', async () => {
    const files = [join(dir, 'a.json'), join(dir, 'broken.json')];
    await writeFile(files[0]!, '{"ICD": {"library_path": "/usr/lib/libvk_swiftshader.so"}}');
    await writeFile(files[1]!, 'nothing');
    const named = await graphicsDevice({ VK_DRIVER_FILES: files.join(delimiter) });
    expect(named.kind).toBe('software');
    expect(named.detail).toContain('libvk_swiftshader.so');
    expect((await graphicsDevice({ VK_ICD_FILENAMES: join(dir, 'none.json') })).kind).toBe('none');
  });
});

describe('an engine is tried', () => {
  it('by computing derivatives: the cpu does it rightly', async () => {
    expect(await inspectEngine('cpu', {})).toMatchObject({ kind: 'cpu', isUsable: true });
  });
});
