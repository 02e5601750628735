import { createWeighting, loadMethodFile, weightingMethods } from '../../trainer/index.ts';
import type { CommandSpec } from '../run-command.ts';
import { formatTable } from '../table.ts';

/** Needs depend on options, not on how many tasks there are. */
const ANY_TASKS = 2;

/** Lists the weighting methods: what they look at, what a step costs, where they are from. */
export const methodsCommand: CommandSpec<object> = {
  name: 'methods',
  readsOnly: true,
  configOnly: true,
  summary: 'list weighting methods: source, what they look at, cost of a step',
  examples: ['vamo methods', "vamo methods --json | jq -r '.methods[].name'"],
  async run(context) {
    const { method: configured, methodFile, methodOptions } = context.config.training;
    const own = methodFile === null ? [] : [await loadMethodFile(methodFile, { name: configured })];
    const methods = [...own, ...weightingMethods.values()].map((method) => {
      const { name, summary, source, cost } = method;
      const options = name === configured ? methodOptions : {};
      const needs = [...createWeighting(method, ANY_TASKS, options).needs];
      return { name, summary, source, needs, cost, configured: name === configured };
    });
    context.say(
      formatTable(
        ['', 'method', 'needs', 'cost', 'summary', 'source'],
        methods.map((m) => [
          m.configured ? '*' : '',
          m.name,
          m.needs.length > 0 ? m.needs.join(', ') : '-',
          m.cost,
          m.summary,
          m.source,
        ]),
      ),
    );
    context.say('');
    context.say(
      '* configured. Cost: F forward, B backward pass over a batch, G gradients of all tasks.',
    );
    return { methods };
  },
};
