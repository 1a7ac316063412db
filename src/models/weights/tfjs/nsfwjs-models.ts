import type { NetworkSpec } from '../../registry.js';

interface NsfwjsModel extends Pick<NetworkSpec, 'architecture' | 'width'> {
  /** Of its weights, base64 in JavaScript; beside model.min.js in dist/models/NAME. */
  readonly numShards: number;
}

/** The models in the npm package nsfwjs: TensorFlow's networks. */
export const nsfwjsModels = {
  mobilenet_v2_mid: { architecture: 'mobilenet_v2', width: 1.4, numShards: 2 },
  mobilenet_v2: { architecture: 'mobilenet_v2', width: 1, numShards: 1 },
  inception_v3: { architecture: 'inception_v3', width: 1, numShards: 6 },
} as const satisfies Record<string, NsfwjsModel>;

export type NsfwjsModelName = keyof typeof nsfwjsModels;

export const nsfwjsModelNames = Object.keys(nsfwjsModels) as NsfwjsModelName[];
