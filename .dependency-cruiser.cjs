// Who may import whom. The only copy of this table; docs/architecture.md explains it.
const allowed = {
  core: [],
  contracts: ['core'],
  config: ['core', 'contracts'],
  store: ['core', 'contracts'],
  clickhouse: ['core', 'contracts', 'store'],
  ingest: ['core', 'contracts', 'store'],
  days: ['core', 'contracts', 'store', 'clickhouse'],
  features: ['core', 'contracts'],
  engine: ['core'],
  model: ['core', 'contracts', 'engine'],
  inference: ['core', 'contracts'],
  eval: ['core', 'contracts', 'features', 'inference'],
  sim: ['core', 'contracts', 'features', 'eval'],
  trainer: ['core', 'contracts', 'store', 'features', 'engine', 'model', 'eval'],
  publisher: ['core', 'contracts', 'store'],
  bidder: ['core', 'contracts', 'features', 'inference'],
};
const layers = Object.entries(allowed).map(([from, to]) => ({
  name: `${from}-imports`,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: `^src/(${[from, ...to].join('|')})/` },
}));
/** A package only the named folders may import. */
const only = (name, pattern, folders) => ({
  name: `${name}-only-in-${folders.join('-')}`,
  severity: 'error',
  from: { path: `^src/(?!(${folders.join('|')})/)` },
  to: { path: `(^|/)node_modules/${pattern}` },
});
module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'through-the-face',
      comment: 'Other folders are imported through their index.ts only.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/', pathNot: '^src/($1)/|^src/[^/]+/index[.]ts$' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-test-import', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
    only('kafkajs', '(kafkajs|@kafkajs)(/|$)', ['ingest']),
    only('clickhouse', '(chdb|@clickhouse)(/|$)', ['clickhouse']),
    only('apache-arrow', 'apache-arrow(/|$)', ['store', 'features']),
    only('tfjs', '@tensorflow/', ['engine', 'model', 'trainer']),
    only('onnxruntime', 'onnxruntime-node(/|$)', ['engine', 'inference']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
