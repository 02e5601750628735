import { openDirectoryStore } from '../../src/store/index.ts';
import { train } from '../../src/trainer/index.ts';
import { tinyTraining, trainOptions } from './trainer.ts';

/** Trains the toy run in a directory and says each step, so that a test can kill it at one. */
const [directory = '', steps = '0', training = '{}'] = process.argv.slice(2);
await train(
  trainOptions(await openDirectoryStore(directory), {
    steps: Number(steps),
    training: { ...tinyTraining, ...(JSON.parse(training) as Partial<typeof tinyTraining>) },
    progress: (done) => process.stdout.write(`${done}\n`),
  }),
);
