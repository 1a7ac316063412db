import { z } from 'zod';

/** What a user writes of the learning rate over a phase: one group of keys for each type. PyTorch's definitions and defaults. */

const epochs = z.int().min(1).max(1_000_000);
const evaluations = z.int().min(0).max(1_000_000);
const rate = z.number().min(0).max(1000);

const warmup = z
  .strictObject({
    epochs: epochs.meta({
      description: 'Epochs over which the learning rate grows, update by update.',
      'x-default': 'required beside `factor`',
    }),
    factor: z
      .number()
      .gt(0)
      .max(1)
      .default(1 / 3)
      .meta({ description: 'What part of the learning rate the first update has.' }),
  })
  .nullable()
  .default(null)
  .meta({
    description:
      "The learning rate grows linearly at the start of the phase (PyTorch's LinearLR), and the schedule begins after that; null: it does not.",
  });

/** The two ways of `gamma`, as one line of the reference. */
const gammaMeta = {
  description:
    'Factor of each reduction; for `step`, `multistep` and `exponential` (which reduces after each epoch).',
  'x-default': '`0.1`; required for `type: exponential`',
};
const gamma = z.number().gt(0).max(1);
const minRateMeta = {
  description: 'The lowest learning rate; for `cosine` and `plateau`.',
};

export const schedule = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('constant').optional().meta({
        description:
          "`constant`; or PyTorch's StepLR, MultiStepLR, ExponentialLR, CosineAnnealingLR or ReduceLROnPlateau.",
        default: 'constant',
      }),
      warmup,
    }),
    z.strictObject({
      type: z.literal('step'),
      warmup,
      stepSize: epochs.meta({
        description: 'Epochs between two reductions.',
        'x-default': 'required for `type: step`',
      }),
      gamma: gamma.default(0.1).meta(gammaMeta),
    }),
    z.strictObject({
      type: z.literal('multistep'),
      warmup,
      milestones: z
        .array(epochs)
        .min(1)
        .refine(
          (list) => list.every((epoch, i) => i === 0 || epoch > list[i - 1]!),
          'The epochs must increase.',
        )
        .meta({
          description: 'Epochs, counted from the start of the schedule, that end in a reduction.',
          'x-allowed': 'a list of increasing whole numbers from 1 to 1000000',
          'x-default': 'required for `type: multistep`',
        }),
      gamma: gamma.default(0.1).meta(gammaMeta),
    }),
    z.strictObject({
      type: z.literal('exponential'),
      warmup,
      gamma: gamma.meta(gammaMeta),
    }),
    z.strictObject({
      type: z.literal('cosine'),
      warmup,
      epochs: epochs.optional().meta({
        description:
          'Epochs in which the learning rate falls to `minRate`, along half a cosine; after them it rises again.',
        'x-default': 'the epochs of the phase, without those of the warm-up',
      }),
      minRate: rate.default(0).meta(minRateMeta),
    }),
    z.strictObject({
      type: z.literal('plateau'),
      warmup,
      metric: z.enum(['accuracy', 'loss']).default('loss').meta({
        description: 'What is watched, on the val split; for `type: plateau`.',
      }),
      factor: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.1)
        .meta({ description: 'Factor of each reduction; for `type: plateau`.' }),
      patience: evaluations.default(10).meta({
        description:
          'Evaluations without an improvement that are let pass before a reduction; for `type: plateau`.',
      }),
      threshold: z.number().min(0).max(1).default(1e-4).meta({
        description:
          'What is less than this fraction better than the best is no improvement; for `type: plateau`.',
      }),
      cooldown: evaluations.default(0).meta({
        description: 'Evaluations after a reduction that are not counted; for `type: plateau`.',
      }),
      minRate: rate.default(0).meta(minRateMeta),
    }),
  ])
  .prefault({})
  .meta({ description: 'How the learning rate changes over the epochs of the phase.' });
