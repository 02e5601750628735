import { describe, expect, it } from 'vitest';
import { mappingKeeper } from '../../src/cli/decoder.ts';
import { loadConfig } from '../../src/config/index.ts';
import { memoryStore } from '../helpers/memory-store.ts';

const config = await loadConfig();
const refusal = {
  code: 'DATA_RULES',
  message: expect.stringContaining('source.mapping') as string,
  mend: expect.stringContaining('mapping.json') as string,
};
const keeperOf = (store: ReturnType<typeof memoryStore>) => (mapping: string | null) =>
  mappingKeeper({ store, config: { ...config, source: { ...config.source, mapping } } });

describe('the mapping a data directory is filled through', () => {
  it('is kept in it; another or none is refused afterwards', async () => {
    const through = keeperOf(memoryStore());
    for (const mapping of ['ipinyou', 'ipinyou']) await (await through(mapping))();
    for (const other of ['auctionnet', null])
      await expect(through(other)).rejects.toMatchObject(refusal);
  });

  it('is the one that something was committed through first, whoever began first', async () => {
    const through = keeperOf(memoryStore());
    const keepers = [];
    for (const mapping of ['ipinyou', 'auctionnet', null]) keepers.push(await through(mapping));
    const [ipinyou, auctionnet, none] = keepers;
    await auctionnet!();
    await expect(ipinyou!()).rejects.toMatchObject(refusal);
    await expect(none!()).rejects.toMatchObject(refusal);
    await auctionnet!();
  });

  it.each([
    ['kept', async (store: ReturnType<typeof memoryStore>) => (await keeperOf(store)(null))()],
    // As earlier versions left it.
    ['not kept', (store) => store.put('ledger/events/0/1.json', Buffer.from('{}'))],
  ] satisfies [string, (store: ReturnType<typeof memoryStore>) => Promise<void>][])(
    'is none where it was filled without one, %s: one is refused then',
    async (_, fill) => {
      const store = memoryStore();
      const late = await keeperOf(store)('ipinyou');
      await fill(store);
      await expect(keeperOf(store)('ipinyou')).rejects.toMatchObject(refusal);
      await (
        await keeperOf(store)(null)
      )();
      await expect(late()).rejects.toMatchObject(refusal);
    },
  );
});
