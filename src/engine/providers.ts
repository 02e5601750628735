import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname } from 'node:path';
import { VamoError } from '../core/index.ts';
import { createGraph } from './graph.ts';
import { encodeModel } from './onnx.ts';
import { loadRuntime, reasonOf, sessionOptions } from './runtime.ts';
import { PROVIDERS, type Provider } from './types.ts';

/** Whether this installation can run graphs on a provider; if not, why, and what to do. */
export type ProviderReport =
  | { readonly provider: Provider; readonly available: true }
  | {
      readonly provider: Provider;
      readonly available: false;
      readonly reason: string;
      readonly mend: string;
    };

const MENDS: Readonly<Record<Provider, string>> = {
  cpu: 'Install the package onnxruntime-node for this platform: npm ci.',
  webgpu:
    'Install a GPU driver with Vulkan (Linux: libvulkan1 and the vendor ICD), Metal or D3D12; or run on the cpu.',
  cuda: 'Put the CUDA provider libraries beside the runtime with "npm rebuild onnxruntime-node" on Linux x64, with CUDA 12 and cuDNN 9 installed; or use webgpu or the cpu.',
};

const probes = new Map<Provider, Promise<ProviderReport>>();

/** Runs one addition on a provider; the answer of a process's first probe is kept. */
function probe(provider: Provider): Promise<ProviderReport> {
  const known = probes.get(provider) ?? probed(provider);
  probes.set(provider, known);
  return known;
}

/** The part of the runtime that loads CUDA lies beside the runtime itself; it names a missing one on standard error. */
function hasCudaFiles(): boolean {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = `${dirname(entry)}/../bin/napi-v6/${platform()}/${arch()}`;
  const name =
    platform() === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so';
  return existsSync(`${folder}/${name}`);
}

async function probed(provider: Provider): Promise<ProviderReport> {
  if (provider === 'cuda' && !hasCudaFiles()) {
    const reason = 'the CUDA libraries of onnxruntime-node are not installed';
    return { provider, available: false, reason, mend: MENDS.cuda };
  }
  const graph = createGraph();
  const x = graph.input('x', { shape: [1], type: 'float32' });
  const sum = graph.apply('Add', [x, x], x);
  const { bytes } = encodeModel([x], new Map([['sum', sum]]));
  try {
    const ort = await loadRuntime();
    const session = await ort.InferenceSession.create(
      bytes,
      sessionOptions({ provider, threads: 1 }),
    );
    const { sum: found } = await session.run({ x: new ort.Tensor('float32', [3], [1]) });
    await session.release();
    if (Number(found?.data[0]) !== 6) throw new RangeError('it computed 3 + 3 wrongly');
    return { provider, available: true };
  } catch (cause) {
    return { provider, available: false, reason: reasonOf(cause), mend: MENDS[provider] };
  }
}

/** What this installation can run on, in the order of `PROVIDERS`. Each is tried with one addition. */
export async function availableProviders(): Promise<readonly ProviderReport[]> {
  const reports: ProviderReport[] = [];
  for (const provider of PROVIDERS) reports.push(await probe(provider));
  return reports;
}

/** @throws VamoError ENGINE_UNAVAILABLE with reason and mend when the provider is not there */
export async function requireProvider(provider: Provider): Promise<void> {
  if (provider === 'cpu') return;
  const report = await probe(provider);
  if (report.available) return;
  throw new VamoError('ENGINE_UNAVAILABLE', `provider ${provider}: ${report.reason}`, {
    mend: report.mend,
    details: { provider },
  });
}
