import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { featuresOf } from '../../../src/models/network.js';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import { describeNetwork } from '../../../src/models/registry.js';
import { inspectWeights } from '../../../src/models/weights/inspect-weights.js';
import { loadWeights } from '../../../src/models/weights/load-weights.js';
import {
  nsfwjsModelNames,
  nsfwjsModels,
  type NsfwjsModelName,
} from '../../../src/models/weights/tfjs/nsfwjs-models.js';
import { relativeError } from './formula.js';
import { runImages } from './run-onnx.js';

const expected = JSON.parse(
  readFileSync(new URL('../fixtures/models/nsfwjs-features.json', import.meta.url), 'utf8'),
) as Record<NsfwjsModelName, Record<string, string>>;

const nsfwjs = {
  type: 'nsfwjs',
  name: 'nsfwjs',
  version: '4.4.0',
  integrity:
    'sha512-krC1fgeTLXtZwgdpKJ0jm7hqv0gTSRQQRL+FhOaxaJ9Wj92t42BO3csO2odwgTAgZgf2RvkwPtp0R8Aa7dc+MA==',
} as const;

const options = {
  numClasses: 16,
  seed: 0,
  // Kept between runs, so that the registry is asked once.
  cacheDir: new URL('../../../node_modules/.cache/ftctl-test', import.meta.url).pathname,
};

/** tfjs adds in another order, in float32, through 21 to 94 layers. */
const tolerance = 1e-5;

/** The image of make-nsfwjs-fixture.mjs, in our layout. */
function image_CHW(size: number): Float32Array {
  const image = new Float32Array(3 * size * size);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const code = c * 31 + y * 13 + x * 17 + ((x * y) % 23) * 11;
        image[(c * size + y) * size + x] = (code % 256) / 255;
      }
    }
  }
  return image;
}

/** Skips where the package is not there and cannot be fetched. */
async function fetched<T>(work: Promise<T>, skip: (note: string) => void): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof FtctlError && error.code === 'FT_DATA_FETCH') {
      skip(`nsfwjs 4.4.0 is not cached and cannot be fetched: ${error.message}`);
    }
    throw error;
  });
}

describe.each(nsfwjsModelNames)('the network %s of the npm package', (model) => {
  const { architecture, width } = nsfwjsModels[model];
  test('is known by an inspection', { timeout: 120_000 }, async ({ skip }) => {
    const report = await fetched(inspectWeights({ ...nsfwjs, model }, options), skip);
    expect(report).toMatchObject({
      format: model === 'mobilenet_v2_mid' ? 'tfjs-graph' : 'tfjs-layers',
      fits: { architecture, width, convention: 'tensorflow', numClasses: null },
      nearest: [],
      normalise: { mean: [0, 0, 0], std: [1, 1, 1] },
    });
  });

  for (const [sizeText, features] of Object.entries(expected[model])) {
    const size = Number(sizeText);
    test(
      `gives the features that tfjs computes from it at ${size} px`,
      { timeout: 120_000 },
      async ({ skip }) => {
        const loaded = await fetched(
          loadWeights({ ...nsfwjs, model }, { architecture, width, ...options }),
          skip,
        );
        expect(loaded.notes).toEqual([]);
        const network = describeNetwork(loaded.spec);
        const onnx = lowerNetwork(network, loaded.tensors, {
          imageSize: size,
          output: featuresOf(network),
          outputName: 'features',
        });
        const bytes = Buffer.from(features, 'base64');
        const judge = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
        const actual = await runImages(onnx, image_CHW(size), [1, 3, size, size]);
        expect(actual.length).toBe(judge.length);
        expect(relativeError(actual, judge)).toBeLessThan(tolerance);
      },
    );
  }
});
