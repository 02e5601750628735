import { createWeighting, weightingMethods } from '../../trainer/index.ts';
import { checkMethod } from '../check-method.ts';
import type { CommandSpec } from '../run-command.ts';
import { formatTable } from '../table.ts';

/** Lists the weighting methods: what they look at, what a step costs, where they are from. */
export const methodsCommand: CommandSpec<object> = {
  name: 'methods',
  readsOnly: true,
  configOnly: true,
  summary: 'list weighting methods: source, what they look at, cost of a step',
  examples: ['vamo methods', "vamo methods --json | jq -r '.methods[].name'"],
  async run(context) {
    const { tasks, training } = context.config;
    const configured = await checkMethod(context.config);
    const own = weightingMethods.has(configured.name) ? [] : [configured];
    const methods = [...own, ...weightingMethods.values()].map((method) => {
      const { name, summary, source, cost } = method;
      const options = method === configured ? training.methodOptions : {};
      const needs = [...createWeighting(method, tasks.length, options).needs];
      return { name, summary, source, needs, cost, configured: method === configured };
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
