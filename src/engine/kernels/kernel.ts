import { VamoError } from '../../core/index.ts';
import type { Graph } from '../graph.ts';
import type { Operand } from '../operand.ts';

/** One call of a tfjs kernel: its tensors and attributes, read by name. */
export interface KernelCall {
  readonly name: string;
  readonly graph: Graph;
  /** All tensors in order, for kernels of a list. */
  readonly list: readonly Operand[];
  input(name: string): Operand;
  number(name: string): number;
  flag(name: string): boolean;
  text(name: string): string;
  /** A list of numbers; a single number counts as a list of one. */
  numbers(name: string): readonly number[];
  /** A list of lists, such as paddings. */
  pairs(name: string): readonly (readonly [number, number])[];
  has(name: string): boolean;
}

/** Writes a tfjs kernel's meaning into the graph. */
export type Kernel = (call: KernelCall) => Operand | readonly Operand[];

/** Kernels under their tfjs names. */
export type Kernels = Readonly<Record<string, Kernel>>;

/** A reader of what tfjs hands to a kernel. */
export function kernelCall(
  name: string,
  graph: Graph,
  inputs: Readonly<Record<string, Operand>>,
  attributes: Readonly<Record<string, unknown>>,
): KernelCall {
  const bad = (field: string, value: unknown): VamoError =>
    new VamoError('ENGINE_GRAPH', `tfjs kernel ${name}: unexpected ${field} ${String(value)}`);
  const isNumbers = (value: unknown): value is number[] =>
    Array.isArray(value) && value.every((item) => typeof item === 'number');
  const isPairs = (value: unknown): value is [number, number][] =>
    Array.isArray(value) && value.every((item) => isNumbers(item) && item.length === 2);
  const read = <T>(field: string, accept: (value: unknown) => value is T): T => {
    const value = attributes[field];
    if (accept(value)) return value;
    throw bad(field, value);
  };
  return {
    name,
    graph,
    list: Object.values(inputs),
    input: (field) => {
      const found = inputs[field];
      if (found === undefined) throw bad('input', field);
      return found;
    },
    number: (field) => read(field, (value) => typeof value === 'number'),
    flag: (field) => attributes[field] === true,
    text: (field) => read(field, (value) => typeof value === 'string'),
    numbers: (field) => {
      const value = attributes[field];
      return typeof value === 'number' ? [value] : read(field, isNumbers);
    },
    pairs: (field) => read(field, isPairs),
    has: (field) => attributes[field] !== undefined && attributes[field] !== null,
  };
}

/** Refuses a form of a kernel that has no translation. */
export function unsupported(call: KernelCall, form: string): VamoError {
  return new VamoError(
    'ENGINE_KERNEL_MISSING',
    `tfjs kernel ${call.name} has no translation for ${form}`,
    { details: { kernel: call.name, form } },
  );
}
