import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { moduleLines, moduleTree } from '../../../src/models/describe/module-tree.js';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import {
  architectureNames,
  describeNetwork,
  torchvisionSpec,
} from '../../../src/models/registry.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { formulaWeights, relativeError, values } from './formula.js';
import { runImages } from './run-onnx.js';

interface LogitsCase {
  readonly architecture: string;
  readonly width: number;
  readonly imageSize: number;
  readonly numClasses: number;
  readonly logits_NK: readonly number[];
}

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/models/${name}`, import.meta.url), 'utf8'));
const cases = fixture('torchvision-logits.json') as LogitsCase[];
const digests = fixture('torchvision-digests.json') as Record<
  string,
  { stateDict: string; text: string }
>;
const stateDicts = fixture('torchvision-state-dicts.json') as Record<string, [string, number[]][]>;

const makeNetwork = (architecture: string, width: number, numClasses: number) => {
  const network = describeNetwork(torchvisionSpec(architecture, width, numClasses));
  return { network, weights: formulaWeights(network) };
};
let last: { key: string; value: ReturnType<typeof makeNetwork> } | undefined;
/** The weights take longer to make than the network to run: the sizes of a network share them. */
const made: typeof makeNetwork = (...key) => {
  if (last?.key !== key.join()) last = { key: key.join(), value: makeNetwork(...key) };
  return last.value;
};

describe('the lowered network gives the logits of torchvision in float64', () => {
  for (const { architecture, width, imageSize, numClasses, logits_NK } of cases) {
    test(`${architecture} of width ${width} at ${imageSize} px`, { timeout: 60_000 }, async () => {
      const { network, weights } = made(architecture, width, numClasses);
      const onnx = lowerNetwork(network, weights, {
        imageSize,
        output: network.output,
        outputName: 'logits',
      });
      const dims = [2, 3, imageSize, imageSize];
      const images = values(2 * 3 * imageSize * imageSize, 9000 + imageSize, -2, 2);
      const logits = await runImages(onnx, images, dims);
      expect(relativeError(logits, logits_NK)).toBeLessThan(5e-5);
    });
  }
});

describe("state dicts have torchvision's names, shapes and order", () => {
  for (const [name, expected] of Object.entries(stateDicts)) {
    test(name, () => {
      const [architecture, width] = name.split(' ') as [string, string];
      const network = describeNetwork(torchvisionSpec(architecture, Number(width), 10));
      expect(stateDictSpecs(network).map((spec) => [spec.name, spec.shape])).toEqual(expected);
    });
  }
});

describe("every architecture has torchvision's state dict and prints as PyTorch prints it", () => {
  const sha256 = (lines: readonly string[]) =>
    createHash('sha256').update(lines.join('\n')).digest('hex');

  test('with none left out', () => {
    expect(Object.keys(digests).sort()).toEqual([...architectureNames].sort());
  });

  for (const [architecture, { stateDict, text }] of Object.entries(digests)) {
    test(architecture, () => {
      const network = describeNetwork(torchvisionSpec(architecture, 1, 10));
      const entries = stateDictSpecs(network).map(
        ({ name, shape }) => `${name} [${shape.join(', ')}]`,
      );
      expect(sha256(entries)).toBe(stateDict);
      expect(sha256(moduleLines(moduleTree(network)).map((line) => line.text))).toBe(text);
    });
  }
});
