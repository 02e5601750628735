import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** A software Vulkan device (SwiftShader) of Debian's package chromium; scripts/webgpu.sh installs it. */
const SOFTWARE_DEVICE = '/usr/lib/chromium/vk_swiftshader_icd.json';

type Answer =
  | { readonly reason: string }
  | { readonly cpu: readonly number[][]; readonly webgpu: readonly number[][] };

function train(): Answer {
  const software = existsSync(SOFTWARE_DEVICE) && { VK_ICD_FILENAMES: SOFTWARE_DEVICE };
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'test/helpers/engine-webgpu-child.ts'],
    { encoding: 'utf8', env: { ...software, ...process.env } },
  );
  if (status !== 0) throw new Error(`the child ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Answer;
}

describe('the webgpu provider', () => {
  // Compiling some 200 shaders takes a software device seconds.
  it('trains as the cpu does, with its state resident', { timeout: 180_000 }, (context) => {
    const answer = train();
    if ('reason' in answer) {
      console.warn(`NOT TESTED: no WebGPU device (${answer.reason.trim()}). See scripts/webgpu.sh`);
      context.skip('no WebGPU device');
      return;
    }
    const gaps = (row: number): number[] =>
      answer.cpu[row]!.map((x, i) => Math.abs(x - answer.webgpu[row]![i]!));
    for (let step = 0; step < 20; step++) expect(Math.max(...gaps(step))).toBeLessThan(1e-4);
    // The parameters at the end. Adam moves one whose gradient is all but 0 by the gradient's sign.
    const ofParameters = gaps(20);
    expect(ofParameters.length).toBeGreaterThan(500);
    expect(ofParameters.reduce((a, b) => a + b) / ofParameters.length).toBeLessThan(1e-4);
    // The losses of the last step are below the first's: something was learnt.
    expect(answer.webgpu[0]![0]! - answer.webgpu[19]![0]!).toBeGreaterThan(0.1);
  });
});
