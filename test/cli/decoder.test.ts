import { describe, expect, it } from 'vitest';
import { keepMapping } from '../../src/cli/decoder.ts';
import { loadConfig } from '../../src/config/index.ts';
import { memoryStore } from '../helpers/memory-store.ts';

describe('the mapping a data directory is filled through', () => {
  it('is kept in it; another or none is refused afterwards', async () => {
    const store = memoryStore();
    const config = await loadConfig();
    const through = (mapping: string | null) =>
      keepMapping({ store, config: { ...config, source: { ...config.source, mapping } } });
    await through(null);
    await through('ipinyou');
    await through('ipinyou');
    for (const other of ['auctionnet', null])
      await expect(through(other)).rejects.toMatchObject({
        code: 'DATA_RULES',
        message: expect.stringContaining('source.mapping') as string,
        mend: expect.stringContaining('mapping.json') as string,
      });
  });
});
