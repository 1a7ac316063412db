import type { Network } from '../../../src/models/network.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { oddImageSize, oddNetwork } from './odd-network.js';
import { numClasses, type Problem } from './problem.js';

export function torchvisionNetwork(architecture: string): Network {
  return describeNetwork(torchvisionSpec(architecture, 1, numClasses));
}

/** Rows of each shard: two whole shards' worth, one row of padding. */
const usual = { rowsPerShard: 4, counts: [4, 3] };
/** A shard without rows, and one with a single row. */
const uneven = { rowsPerShard: 3, counts: [3, 1, 0, 2] };

export function torchvisionProblem(
  architecture: string,
  train: string,
  imageSize: number,
  options: Partial<Problem> = {},
): Problem {
  return {
    ...{ architecture, network: torchvisionNetwork(architecture), imageSize },
    ...{ split: { train: [train], except: [] }, batchNorm: 'frozen', seed: 0 },
    ...usual,
    ...options,
  };
}

/** The auxiliary classifier normalises single pixels: with few rows that has no digits left. Of other draws many meet a kink. */
export function inceptionProblem(train: string, options: Partial<Problem> = {}): Problem {
  const drawn = { rowsPerShard: 6, counts: [6], seed: 4 };
  return torchvisionProblem('inception_v3', train, 299, { ...drawn, ...options });
}

export const oddProblem = (options: Partial<Problem> = {}): Problem => ({
  ...{ architecture: null, network: oddNetwork, imageSize: oddImageSize },
  ...{ split: { train: ['all'], except: [] }, batchNorm: 'frozen', seed: 0 },
  ...uneven,
  ...options,
});

/** Without batch norm there is one mode. */
const bothModes = (one: Problem): Problem[] => [one, { ...one, batchNorm: 'shard' }];

/** Of 64 px, or the smallest images that the network (for inception: its auxiliary classifier) takes. */
export const problems: readonly Problem[] = [
  ...bothModes(oddProblem()),
  ...bothModes(
    oddProblem({ split: { train: ['depthwise', 'norm_b.weight'], except: ['hidden'] } }),
  ),
  ...bothModes(torchvisionProblem('resnet18', 'all', 64)),
  ...bothModes(torchvisionProblem('resnet18', 'layer4', 64, uneven)),
  ...bothModes(torchvisionProblem('resnet50', 'layer4', 64)),
  torchvisionProblem('alexnet', 'all', 64, { rowsPerShard: 2, counts: [2, 1] }),
  ...bothModes(torchvisionProblem('vgg11_bn', 'all', 32, { counts: [4], seed: 1 })),
  torchvisionProblem('squeezenet1_0', 'all', 64, { seed: 2 }),
  ...bothModes(torchvisionProblem('densenet121', 'features.denseblock4', 64)),
  ...bothModes(inceptionProblem('Mixed_6e')),
  ...bothModes(inceptionProblem('AuxLogits')),
  ...bothModes(torchvisionProblem('mobilenet_v2', 'all', 64, { rowsPerShard: 8, counts: [8, 7] })),
];
