import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { architectureNames, describeNetwork } from '../../../src/models/registry.js';
import { encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import { decodeWeightsBlob, specOfMetadata } from '../../../src/models/weights/weights-blob.js';

const intact = {
  ...{ architecture: 'mobilenet_v2', width: 1.4, convention: 'tensorflow', batchNorm: 'folded' },
  inputAffine: { scale: [2, 2, 2], shift: [-1, -1, -1] },
};
const specOf = (value: unknown) =>
  specOfMetadata(new Map([['ftctl.network', JSON.stringify(value)]]));

describe('what metadata say of a network', () => {
  test('is used where there is such a network', () => {
    expect(specOf(intact)).toEqual(intact);
  });

  test.each([
    ['convention that its architecture has not', { architecture: 'resnet18', width: 1 }],
    ['unknown architecture', { architecture: 'resnet19' }],
    ['width that there is not', { width: 0 }],
    ['width of another architecture', { architecture: 'inception_v3' }],
    ['transform of two channels', { inputAffine: { scale: [1, 1], shift: [0, 0] } }],
    ['transform of unequal lengths', { inputAffine: { scale: [1, 1, 1], shift: [0] } }],
  ])('is passed over with an %s, and a blob with it is damaged', (_, change) => {
    const value = { ...intact, ...change };
    expect(specOf(value)).toBeNull();
    const blob = encodeSafetensors(new Map(), { 'ftctl.network': JSON.stringify(value) });
    expect(() => decodeWeightsBlob(blob, 'w')).toThrow(
      expect.objectContaining({ code: 'FT_WEIGHTS_DAMAGED' }),
    );
  });

  test('can be described, whatever it is', () => {
    const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 4 });
    const value = fc.record({
      architecture: fc.constantFrom(...architectureNames, 'constructor', ''),
      width: fc.constantFrom(1, 1.4, 0, -1, 1e9),
      convention: fc.constantFrom('torchvision', 'tensorflow', 'onnx'),
      batchNorm: fc.constantFrom('separate', 'folded'),
      inputAffine: fc.option(
        fc.oneof(fc.record({ scale: numbers, shift: numbers }), fc.constant(intact.inputAffine)),
      ),
    });
    let numDescribed = 0;
    fc.assert(
      fc.property(value, (candidate) => {
        const spec = specOf(candidate);
        if (spec === null) return;
        numDescribed += 1;
        expect(describeNetwork({ ...spec, numClasses: 3 }).layers.length).toBeGreaterThan(0);
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect(numDescribed).toBeGreaterThan(20);
  });
});
