/**
 * Imports point one way: each layer may import its own level and those below (ARCHITECTURE.md has the picture).
 */
const layers = [
  ['commands'],
  ['cli'],
  ['launch'],
  ['coordinator', 'worker'],
  ['train', 'state', 'control'],
  ['inference'],
  ['features', 'data', 'models', 'engines', 'collective', 'kernels', 'metrics', 'report'],
  ['rpc'],
  ['config', 'errors', 'util'],
];

/** Exceptions, each with its reason. */
const allowedUpwards = {
  // Types only: the event and result shapes that the Watch stream carries.
  rpc: ['^src/control/events\\.ts$'],
};

const folder = (names) => `^src/(${names.join('|')})/`;

const layerRules = layers.map((names, level) => ({
  name: `layer-${names.join('-')}`,
  comment: 'A lower layer must not import a higher one.',
  severity: 'error',
  from: { path: folder(names) },
  to: {
    path: level === 0 ? '^$' : folder(layers.slice(0, level).flat()),
    pathNot: names.flatMap((name) => allowedUpwards[name] ?? []),
  },
}));

/** Libraries that live in one place each. */
const homes = {
  'onnxruntime-node': ['engines/'],
  'prom-client': ['metrics/'],
  lmdb: ['features/'],
  sharp: ['data/'],
  '@grpc/': ['rpc/', 'collective/'],
  '@oclif/': ['commands/', 'cli/'],
};

const homeRules = Object.entries(homes).map(([library, places]) => ({
  name: `home-of-${library.replace(/\W/g, '')}`,
  comment: `${library} is imported only in ${places.join(', ')}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/(${places.join('|')})` },
  to: { path: `node_modules/${library}` },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    ...homeRules,
    {
      name: 'pure-files',
      comment:
        'Plans, trees and decisions do no I/O: no transport, no engine, no node: module but crypto.',
      severity: 'error',
      from: {
        path: [
          '^src/coordinator/(membership|assignment|agreement|copies|decision|judgement|rescue|ledger|limits)',
          '^src/coordinator/audit/(audit-journal|check-order|check-samples|check-states|finding|lives|record-shape|tell-story)\\.ts$',
          '^src/data/(shards|plan|rng|augment|dropout-mask|mixup-draws|weighted-draws)\\.ts$',
          '^src/collective/(tree|tree-sum|schedule|message-shape|round-sum|reducer)\\.ts$',
          '^src/kernels/',
          '^src/worker/session-core\\.ts$',
          '^src/train/(clip|early-stopping|class-weights|targets|statistics)\\.ts$',
          '^src/train/(optimizers|schedules)/',
        ],
      },
      to: {
        path: [
          'node_modules/(@grpc|nats|@tensorflow|onnxruntime|lmdb|sharp)',
          '^(node:)?(fs|net|http|child_process|worker_threads)',
        ],
      },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: ['^src/index\\.ts$', '^src/rpc/gen/', '\\.d\\.ts$'],
      },
      to: {},
    },
    {
      name: 'not-to-dev-dep',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node'],
    },
  },
};
