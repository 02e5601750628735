/**
 * Trains the parity models given on the cpu and on webgpu and writes what came of each step as JSON:
 * `engine-webgpu-child STEPS MODEL METHOD ...`. A process of its own: the Vulkan loader reads its
 * environment at the start.
 */
import { availableProviders } from '../../src/engine/index.ts';
import { type ParityStep, PARITY_MODELS, paritySteps } from './engine-parity.ts';

/** One model by one method. */
export interface ParityRun {
  readonly name: string;
  readonly cpu: readonly ParityStep[];
  readonly webgpu: readonly ParityStep[];
}

async function run(model: string, method: string, steps: number): Promise<ParityRun> {
  const settings = PARITY_MODELS[model];
  if (!settings) throw new RangeError(`no model ${model}`);
  const cpu = await paritySteps('cpu', settings, method, steps);
  const webgpu = await paritySteps('webgpu', settings, method, steps);
  return { name: `${model} by ${method}`, cpu, webgpu };
}

const [steps, ...names] = process.argv.slice(2);
const report = (await availableProviders()).find(({ provider }) => provider === 'webgpu');
const runs: ParityRun[] = [];
if (report?.available === true)
  for (let i = 0; i < names.length; i += 2)
    runs.push(await run(names[i] ?? '', names[i + 1] ?? '', Number(steps)));
const reason = report?.available === false ? report.reason : undefined;
process.stdout.write(`${JSON.stringify({ reason, runs })}\n`, () => process.exit(0));
