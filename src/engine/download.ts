import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { createGraph } from './graph.ts';
import { encodeModel } from './onnx.ts';
import { guarded, loadRuntime, sessionOptions } from './runtime.ts';
import type { Provider, TensorSpec } from './types.ts';

/** Copies tensors of a provider into host memory. */
export interface Download {
  read(tensor: Tensor, spec: TensorSpec): Promise<unknown>;
  release(): Promise<void>;
}

/**
 * onnxruntime-node aborts the process when a tensor on a GPU is asked for its data. A graph of one
 * Identity, its output in host memory, fetches it; one such graph is kept for each shape.
 */
export function createDownload(provider: Provider): Download {
  const sessions = new Map<string, Promise<InferenceSession>>();
  const sessionFor = ({ shape, dtype }: TensorSpec): Promise<InferenceSession> => {
    const key = `${dtype} ${shape.join()}`;
    const made = sessions.get(key) ?? identity({ shape, dtype }, provider);
    sessions.set(key, made);
    return made;
  };
  return {
    read: async (tensor, spec) => {
      if (tensor.location === 'cpu') return tensor.data;
      const session = await sessionFor(spec);
      const { copy } = await guarded('read', () => session.run({ tensor }));
      return copy?.data;
    },
    release: async () => {
      for (const session of sessions.values()) await (await session).release();
      sessions.clear();
    },
  };
}

async function identity(
  { shape, dtype: type }: TensorSpec,
  provider: Provider,
): Promise<InferenceSession> {
  const graph = createGraph();
  const input = graph.input('tensor', { shape, type });
  const { bytes } = encodeModel(
    [input],
    new Map([['copy', graph.apply('Identity', [input], input)]]),
  );
  const ort = await loadRuntime();
  return ort.InferenceSession.create(bytes, sessionOptions({ provider, threads: 1 }));
}
