import { describe, expect, it } from 'vitest';
import { checkStateSize } from '../../../src/coordinator/state-size.js';
import { planPhases } from '../../../src/models/prepare-phases.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';

const phases = [{ train: ['all'], except: [], batchNorm: 'frozen' as const, epochs: 100 }];

describe('the size of a state', () => {
  it('may be that of the largest network, trained whole', () => {
    const plan = planPhases(describeNetwork(torchvisionSpec('vgg19', 1, 1000)), 224, phases);
    checkStateSize(plan, { phases });
  });

  it('is at most what a buffer holds', () => {
    const parameters = (length: number) => ({
      parameters: [{ name: 'classifier.weight', shape: [length] }],
      statistics: [{ layer: 'bn', channels: 8, momentum: 0.1 }],
    });
    // (2^32 - 1 - header and history) / 16 bytes a parameter.
    checkStateSize(parameters(268_430_000), { phases });
    // 2^32, and on top 16 + 4096 + 32 around the arrays, 2 * 16 statistics of 4 bytes, and 11 + 7 * 100 numbers of 8.
    expect(() => {
      checkStateSize(parameters(2 ** 28), { phases });
    }).toThrow(
      expect.objectContaining({
        code: 'FT_STATE_TOO_LARGE',
        details: {
          numParameters: 2 ** 28,
          numBytes: 2 ** 32 + 4144 + 128 + 5688,
          maxBytes: 2 ** 32 - 1,
        },
      }) as Error,
    );
  });
});
