import fc from 'fast-check';

/** Phases as users may write them, that are valid wherever they stand. */

const optional = { requiredKeys: [] };
const rate = fc.double({ min: 1e-300, max: 1, noNaN: true });
const decay = fc.double({ min: 0, max: 1, noNaN: true });
const metric = fc.constantFrom('accuracy', 'loss');
const name = fc.constantFrom('layer4', 'fc', '*.bn?.weight', 'null', '0x1', "it's");
const names = fc.oneof(name, fc.array(name, { minLength: 1, maxLength: 3 }));

const group = fc.oneof(
  fc.record({ match: names, learningRate: rate }),
  fc.record({ weightDecay: decay, match: names }),
);
const ofAll = { learningRate: rate, weightDecay: decay, groups: fc.array(group, { maxLength: 2 }) };
const moments = {
  betas: fc.constantFrom([0.8, 0.9]),
  epsilon: fc.constantFrom(1e-8, 5e-324),
};

const optimizer = fc.oneof(
  fc.record({ ...moments, ...ofAll }, optional),
  fc.record(
    { ...ofAll, ...moments, type: fc.constantFrom('adam', 'adamw') },
    { requiredKeys: ['type'] },
  ),
  fc.record({ ...ofAll, type: fc.constant('sgd') }, { requiredKeys: ['type'] }),
  fc.record({
    ...{ nesterov: fc.boolean(), momentum: fc.constantFrom(0.5, 0.9) },
    type: fc.constant('sgd'),
  }),
);

const warmup = fc.option(
  fc.record(
    { factor: fc.constantFrom(0.1, 1), epochs: fc.integer({ min: 1, max: 2 }) },
    { requiredKeys: ['epochs'] },
  ),
);
const gamma = fc.double({ min: 0.1, max: 1, noNaN: true });
const epochs = fc.integer({ min: 1, max: 9 });

/** A schedule of one type; keys in another order than the reference's. */
function schedule(
  type: string,
  needed: Record<string, fc.Arbitrary<unknown>> = {},
  others: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<unknown> {
  const keys = { ...others, warmup, ...needed, type: fc.constant(type) };
  return fc.record<Record<string, unknown>, string>(keys, {
    requiredKeys: ['type', ...Object.keys(needed)],
  });
}

const schedules = fc.oneof(
  fc.record({ warmup }, optional),
  schedule('constant'),
  schedule('step', { stepSize: epochs }, { gamma }),
  schedule('multistep', { milestones: fc.constantFrom([3], [1, 4]) }, { gamma }),
  schedule('exponential', { gamma }),
  schedule('cosine', {}, { epochs, minRate: fc.constant(0) }),
  schedule(
    'plateau',
    {},
    {
      metric,
      factor: fc.constant(0.5),
      patience: fc.nat(5),
      threshold: fc.constant(0.01),
      cooldown: fc.nat(5),
    },
  ),
);

const className = fc.constantFrom('rose', '10', '9', 'null', 'a: b', 'yes');

export const phaseDocument = fc.record(
  {
    mixup: fc.constant(0),
    schedule: schedules,
    optimizer,
    train: names,
    except: fc.constant([]),
    epochs: fc.integer({ min: 3, max: 99 }),
    clip: fc.record({ norm: fc.option(rate), value: fc.option(rate) }, optional),
    labelSmoothing: fc.constantFrom(0, 0.1),
    classWeights: fc.oneof(
      fc.constantFrom('none', 'balanced'),
      fc.dictionary(className, fc.constantFrom(0.5, 2)),
    ),
    sampling: fc.constantFrom('once', 'weighted'),
    accumulate: fc.integer({ min: 1, max: 9 }),
    earlyStopping: fc.option(
      fc.record(
        { minDelta: fc.constant(0.01), patience: epochs, metric },
        { requiredKeys: ['patience'] },
      ),
    ),
    batchNorm: fc.constantFrom('frozen', 'shard'),
  },
  { requiredKeys: ['train', 'epochs'] },
);
