import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));
const TIMESNET = fileURLToPath(new URL('../golden/golden-timesnet.json', import.meta.url));
const MTL = fileURLToPath(new URL('../golden/golden-mtl.json', import.meta.url));

/** Runs the command as an operator does. */
function conformance(...args: string[]): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import', 'tsx', RUN, ...args], (_, out, err) =>
      resolve({ code: child.exitCode, out: out + err }),
    );
  });
}

it('the command exits 0 when all pass, 1 on one wrong number, 2 without a file', async () => {
  const text = readFileSync(MTL, 'utf8');
  const golden = JSON.parse(text) as {
    cases: { id: string; steps: { out: { weights: number[] } }[] }[];
  };
  golden.cases.find((c) => c.id === 'vamo-002')!.steps[0]!.out.weights[0]! *= 1.01;
  const wrong = join(mkdtempSync(join(tmpdir(), 'conformance-')), 'wrong.json');
  writeFileSync(wrong, JSON.stringify(golden));

  const temporal = JSON.parse(readFileSync(TIMESNET, 'utf8')) as {
    cases: { name: string; grads: Record<string, { data: number[] }> }[];
  };
  const smallest = temporal.cases.find((c) => c.name === 'block-96')!;
  const { data } = smallest.grads['conv.2.kernels.1.weight']!;
  const least = Math.min(...data.filter((x) => x !== 0).map(Math.abs));
  expect(least).toBeLessThan(1e-5);
  data.forEach((x, i) => (data[i] = Math.abs(x) === least ? 1.01 * x : x));
  const tiny = join(mkdtempSync(join(tmpdir(), 'conformance-')), 'tiny.json');
  writeFileSync(tiny, JSON.stringify(temporal));

  const [good, bad, none, off] = await Promise.all([
    conformance('--json', MTL),
    conformance(wrong),
    conformance(),
    conformance(tiny),
  ]);
  expect(good.code).toBe(0);
  expect(JSON.parse(good.out)).toMatchObject([{ file: MTL, passed: 356, failed: 0, skipped: 0 }]);
  expect(bad.code).toBe(1);
  expect(bad.out).toContain('355 passed, 1 failed, 0 skipped');
  expect(bad.out).toMatch(/failed vamo-002: steps\.0\.weights\.0: /);
  expect(off.out).toContain('14 passed, 1 failed, 0 skipped');
  expect(off.out).toMatch(/failed block-96: grads\.conv\.2\.kernels\.1\.weight\[\d+\]: /);
  expect(none.code).toBe(2);
}, 120_000);
