import type { Tensor } from 'onnxruntime-node';
import { VamoError } from '../core/index.ts';
import type { EngineTensor, HostTensor, Provider, ResidentTensor } from './types.ts';

/** The runtime's tensor behind each resident one. */
const behind = new WeakMap<ResidentTensor, Tensor>();
let live = 0;

/** Resident tensors of the process that were not disposed of: on a GPU, its buffers in use. */
export function residentCount(): number {
  return live;
}

export function isResident(x: EngineTensor): x is ResidentTensor {
  return !('data' in x);
}

/** The tensor in host memory: copied if it lies on a GPU, else itself. */
export async function hostTensorOf(x: EngineTensor): Promise<HostTensor> {
  return isResident(x) ? x.read() : x;
}

/** A tensor of the runtime as one that stays there; `read` copies it into host memory. */
export function residentTensor(
  tensor: Tensor,
  shape: readonly number[],
  provider: Provider,
  read: (tensor: Tensor) => Promise<HostTensor>,
): ResidentTensor {
  const resident: ResidentTensor = {
    shape,
    provider,
    read: async () => read(runtimeTensorOf(resident)),
    dispose: () => {
      if (!behind.delete(resident)) return;
      live--;
      // The garbage collector frees what lies in host memory.
      if (tensor.location !== 'cpu') tensor.dispose();
    },
  };
  behind.set(resident, tensor);
  live++;
  return resident;
}

/** @throws VamoError ENGINE_GRAPH when it was disposed of, or another made it */
export function runtimeTensorOf(resident: ResidentTensor): Tensor {
  const tensor = behind.get(resident);
  if (tensor !== undefined) return tensor;
  throw new VamoError('ENGINE_GRAPH', 'a resident tensor was used after it was disposed of');
}
