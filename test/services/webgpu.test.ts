import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { productGap } from '../helpers/engine-parity.ts';
import type { ParityRun } from '../helpers/engine-webgpu-child.ts';

/** A software Vulkan device (SwiftShader) of Debian's package chromium; scripts/webgpu.sh installs it. */
const SOFTWARE_DEVICE = '/usr/lib/chromium/vk_swiftshader_icd.json';
const STEPS = 3;

interface Answer {
  /** Why there is no device. */
  readonly reason?: string;
  readonly runs: readonly ParityRun[];
}

/** @param runs model and method, in turn */
function train(...runs: string[]): Answer {
  const software = existsSync(SOFTWARE_DEVICE) && { VK_ICD_FILENAMES: SOFTWARE_DEVICE };
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'test/helpers/engine-webgpu-child.ts', String(STEPS), ...runs],
    { encoding: 'utf8', env: { ...software, ...process.env } },
  );
  if (status !== 0) throw new Error(`the child ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Answer;
}

describe('the webgpu engine', () => {
  // Compiling some hundred shaders takes a software device most of the time.
  it('trains whole models as the cpu engine does, its state resident', (context) => {
    const { reason, runs } = train('timesnet', 'vamo', 'mse, action head', 'vanilla');
    if (reason !== undefined) {
      console.warn(`NOT TESTED: no WebGPU device (${reason.trim()}). See scripts/webgpu.sh`);
      context.skip('no WebGPU device');
      return;
    }
    expect(runs.length).toBe(2);
    for (const { name, cpu, webgpu } of runs) {
      expect(webgpu.length).toBe(STEPS);
      webgpu.forEach((step, i) => {
        const expected = cpu[i]!;
        step.figures.forEach((x, j) => {
          const y = expected.figures[j]!;
          const within = 1e-4 * (1 + Math.abs(y));
          expect(Math.abs(x - y), `${name}, step ${i}, figure ${j}`).toBeLessThan(within);
        });
        expect(productGap(step, expected), `${name}, products of step ${i}`).toBeLessThan(1e-4);
        // State, gradients and the state before: no buffer more with each step.
        expect(step.resident, `${name}, step ${i}`).toBeGreaterThan(0);
        if (i > 0) expect(step.resident).toBe(webgpu[1]!.resident);
      });
      // Something was learnt.
      expect(webgpu.at(-1)!.figures[0]).toBeLessThan(webgpu[0]!.figures[0]!);
    }
  }, 600_000);
});
