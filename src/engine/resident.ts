import type { Tensor } from 'onnxruntime-node';
import { VamoError } from '../core/index.ts';
import type { HostTensor, Provider, ResidentTensor } from './types.ts';

/** The runtime's tensor behind each resident one. */
const behind = new WeakMap<ResidentTensor, Tensor>();

export function isResident(x: HostTensor | ResidentTensor): x is ResidentTensor {
  return !('data' in x);
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
      // The garbage collector frees what lies in host memory.
      if (tensor.location !== 'cpu') behind.get(resident)?.dispose();
      behind.delete(resident);
    },
  };
  behind.set(resident, tensor);
  return resident;
}

/** @throws VamoError ENGINE_GRAPH when it was disposed of, or another made it */
export function runtimeTensorOf(resident: ResidentTensor): Tensor {
  const tensor = behind.get(resident);
  if (tensor !== undefined) return tensor;
  throw new VamoError('ENGINE_GRAPH', 'a resident tensor was used after it was disposed of');
}
