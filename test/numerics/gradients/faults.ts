import { inceptionProblem, oddProblem } from './cases.js';
import type { Fault } from './our-graph.js';
import type { Problem, Rows } from './problem.js';

/** A mistake that the training graph, or what it is fed with, could have; the suite must see it. */
export interface PlantedFault {
  readonly mistake: string;
  readonly problem: Problem;
  readonly graph?: Fault;
  readonly rows?: (rows: Rows) => Rows;
}

function layerOf(name: string, change: Record<string, unknown>): Fault {
  return ({ network, ...options }) => {
    const layers = network.layers.map((layer) =>
      layer.name === name ? { ...layer, ...change } : layer,
    );
    return { ...options, network: { ...network, layers } };
  };
}

const shard = oddProblem({ batchNorm: 'shard', rowsPerShard: 4, counts: [4, 3] });
const shifted = { top: 0, left: 2, bottom: 1, right: 1 };

export const faults: readonly PlantedFault[] = [
  {
    mistake: 'dropout keeps everything',
    problem: oddProblem(),
    rows: (rows) => ({
      ...rows,
      masks: new Map([...rows.masks].map(([layer, mask]) => [layer, mask.map(() => 1)])),
    }),
  },
  {
    mistake: 'padding rows count in batch norm',
    problem: shard,
    rows: (rows) => ({ ...rows, labels: rows.labels.map((label) => Math.max(label, 0)) }),
  },
  {
    mistake: "batch norm's epsilon is another",
    problem: shard,
    graph: layerOf('norm_a', { epsilon: 1e-5 }),
  },
  {
    mistake: 'a rectifier is not limited',
    problem: oddProblem(),
    graph: layerOf('relu_a', { kind: 'relu' }),
  },
  {
    mistake: 'one convolution is padded a pixel off',
    problem: oddProblem(),
    graph: layerOf('conv_a', { padding: shifted }),
  },
  {
    mistake: 'averages count padding',
    problem: oddProblem(),
    graph: layerOf('pool_b', { countIncludePad: true }),
  },
  {
    mistake: 'the auxiliary loss has another weight',
    problem: inceptionProblem('AuxLogits'),
    graph: (options) => ({ ...options, auxiliaryWeight: 0.3 }),
  },
];
