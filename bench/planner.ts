/**
 * The planner against its anchors in simulated worlds: trains the demo's model in each world, replays
 * its test day, and prints returns as shares of the best constant's in hindsight. Choose on some
 * seeds, report others. With `--results FILE` finished runs are kept there and not made again.
 */
import { atLeastOne, benchOptions } from './options.ts';
import { appendFile, readFile } from 'node:fs/promises';
import type { Config } from '../src/config/index.ts';
import { model } from '../src/config/model-schema.ts';
import { worldTable, type WorldResult } from './planner/table.ts';
import { trial } from './planner/trial.ts';
import { SCENARIOS, type Scenario, simulatedWindow, worldConfig } from './planner/worlds.ts';

/** Forms of the planner that are compared. */
const FORMS: Readonly<Record<string, (config: Config) => Config>> = {
  default: (config) => config,
  /** Next state, then inverse dynamics, from the bids that were made. */
  paper: (config) => formOf(config, 'inverse', 'logged'),
  /** The action head, from the bids that were made. */
  logged: (config) => formOf(config, 'action', 'logged'),
  /** With the periodicity module over the market of the days before. */
  timesnet: (config) => ({ ...config, model: modelOf({ ...config.model, temporal: 'timesnet' }) }),
};

const given = benchOptions('The planner against its anchors in simulated worlds.', {
  worlds: { type: 'string', default: '5' },
  seed0: { type: 'string', default: '101' },
  scenarios: { type: 'string', default: 'default,periodic' },
  forms: { type: 'string', default: 'default' },
  threads: { type: 'string', default: '1' },
  results: { type: 'string' },
});

/** A module by its name alone has the keys of the size. */
const modelOf = (given: object): Config['model'] => model.parse(given);

function formOf(
  config: Config,
  policyHead: Config['model']['policyHead'],
  actions: Config['training']['actions'],
): Config {
  const { model, training } = config;
  return { ...config, model: { ...model, policyHead }, training: { ...training, actions } };
}

function scenariosAsked(): Scenario[] {
  return given.scenarios.split(',').map((name) => {
    if (name === 'default' || name === 'periodic') return name;
    throw new RangeError(`--scenarios ${name}: not one of ${Object.keys(SCENARIOS).join(', ')}`);
  });
}

async function finished(): Promise<WorldResult[]> {
  if (given.results === undefined) return [];
  const text = await readFile(given.results, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WorldResult);
}

const [worlds, seed0, threads] = [
  atLeastOne('worlds', given.worlds),
  atLeastOne('seed0', given.seed0),
  atLeastOne('threads', given.threads),
];
const seeds = Array.from({ length: worlds }, (_, i) => seed0 + i);
const scenarios = scenariosAsked();
const known = await finished();
const results: WorldResult[] = [];
for (const scenario of scenarios)
  for (const seed of seeds) {
    const base = await worldConfig(seed, scenario);
    let days: Awaited<ReturnType<typeof simulatedWindow>> | undefined;
    for (const form of given.forms.split(',')) {
      const change = FORMS[form];
      if (!change)
        throw new RangeError(`--forms ${form}: not one of ${Object.keys(FORMS).join(', ')}`);
      const same = (r: WorldResult): boolean =>
        r.form === form && r.seed === seed && r.scenario === scenario;
      let result = known.find(same);
      if (result === undefined) {
        const config = change({ ...base, training: { ...base.training, threads } });
        days ??= await simulatedWindow(config);
        result = { scenario, seed, form, efficiencies: await trial(config, days) };
        if (given.results !== undefined)
          await appendFile(given.results, `${JSON.stringify(result)}\n`);
      }
      results.push(result);
      console.error(`${scenario} world ${seed}, ${form}: done`);
    }
  }
for (const scenario of scenarios) {
  const own = results.filter((r) => r.scenario === scenario);
  console.log(`\n${scenario} worlds ${seeds.join(', ')}\n`);
  console.log(worldTable(own));
}
