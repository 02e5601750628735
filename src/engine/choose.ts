import { type EngineKind, VamoError } from '../core/index.ts';
import { graphicsDevice, nvidiaGpus } from './devices.ts';
import { probeEngine } from './launch-probe-process.ts';

export type EngineSetting = EngineKind | 'auto';

/** Whether an engine can be used here. */
export type EngineReport =
  | {
      readonly kind: EngineKind;
      readonly isUsable: true;
      /** Whether `auto` may take it: not an engine that computes on the CPU by a detour. */
      readonly isHardware: boolean;
      readonly detail: string;
    }
  | {
      readonly kind: EngineKind;
      readonly isUsable: false;
      readonly detail: string;
      readonly mend: string;
    };

/** The engine that will compute, and why that one. */
export interface EngineChoice {
  readonly kind: EngineKind;
  readonly reason: string;
}

/** What `auto` tries, fastest first, before it takes the cpu. */
const FASTER = ['cuda', 'webgpu'] as const satisfies readonly EngineKind[];

const MENDS: Readonly<Record<EngineKind, string>> = {
  cpu: 'Run `npm ci` again: onnxruntime-node did not load or does not compute.',
  webgpu: 'Install the GPU’s Vulkan driver (on Linux, `vulkaninfo` lists it); see docs/engines.md.',
  cuda: 'Install NVIDIA’s driver, CUDA 12, cuDNN 9 and the CUDA files of onnxruntime-node; see docs/engines.md.',
  tensorflow: 'Run `scripts/tfjs-node.sh`, or install @tensorflow/tfjs-node(-gpu) 4.22.0.',
};

/**
 * Tries an engine: looks for its device, then lets it compute derivatives in a process of its own.
 * @param environment the process's variables; Vulkan's drivers can be named there
 */
export async function inspectEngine(
  kind: EngineKind,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<EngineReport> {
  const device = await deviceOf(kind, environment);
  const unusable = (detail: string): EngineReport => ({
    kind,
    isUsable: false,
    detail,
    mend: MENDS[kind],
  });
  if (device.kind === 'none') return unusable(device.detail);
  const fault = await probeEngine(kind);
  if (fault !== undefined) return unusable(`${device.detail}: ${fault}`);
  return { kind, isUsable: true, isHardware: device.kind === 'hardware', detail: device.detail };
}

async function deviceOf(
  kind: EngineKind,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly kind: string; readonly detail: string }> {
  switch (kind) {
    case 'cpu':
      return { kind: 'hardware', detail: 'ONNX Runtime on the CPU' };
    case 'tensorflow':
      return { kind: 'unknown', detail: 'TensorFlow, one operation after another' };
    case 'webgpu':
      return graphicsDevice(environment);
    case 'cuda': {
      const [first] = await nvidiaGpus();
      if (first === undefined) return { kind: 'none', detail: 'nvidia-smi lists no GPU' };
      return { kind: 'hardware', detail: `CUDA on ${first}` };
    }
  }
}

/**
 * The engine a setting means here. `auto` takes cuda, then webgpu on a real GPU, each only after it
 * computed rightly; else the cpu.
 * @param inspect tells whether an engine can be used
 * @throws VamoError ENGINE_UNAVAILABLE when the one asked for cannot be used, with reason and mend
 */
export async function chooseEngine(
  setting: EngineSetting,
  inspect: (kind: EngineKind) => Promise<EngineReport>,
): Promise<EngineChoice> {
  // Whatever else is here, the cpu engine is what everything is compared with: no need to try it.
  if (setting === 'cpu') return { kind: 'cpu', reason: 'asked for' };
  if (setting !== 'auto') {
    const report = await inspect(setting);
    if (report.isUsable) return { kind: setting, reason: `asked for; ${report.detail}` };
    throw new VamoError('ENGINE_UNAVAILABLE', `engine ${setting}: ${report.detail}`, {
      details: { engine: setting },
      mend: report.mend,
    });
  }
  const passedOver: string[] = [];
  for (const kind of FASTER) {
    const report = await inspect(kind);
    if (report.isUsable && report.isHardware)
      return { kind, reason: `the fastest that works here; ${report.detail}` };
    passedOver.push(`${kind}: ${report.detail}${report.isUsable ? ', never by itself' : ''}`);
  }
  return { kind: 'cpu', reason: `no faster one here (${passedOver.join('; ')})` };
}
