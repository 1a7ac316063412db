import { z } from 'zod';
import { patterns } from './patterns-schema.js';

/** What a user writes of the update rule of a phase: one group of keys for each type. PyTorch's names, ranges and defaults. */

const rate = z.number().gt(0).max(1000);
const decay = z.number().min(0).max(1000);
const beta = z.number().min(0).lt(1);

const group = z.strictObject({
  match: patterns.meta({
    description:
      'Layers, modules and globs of parameter names (`layer4`, `*.bn?.weight`). A parameter belongs to the first group that has it.',
    'x-allowed': 'a name, or a list of names',
  }),
  learningRate: rate
    .nullable()
    .default(null)
    .meta({ description: "Learning rate of the group; null: the optimizer's." }),
  weightDecay: decay
    .nullable()
    .default(null)
    .meta({ description: "Weight decay of the group; null: the optimizer's." }),
});

const learningRate = rate
  .default(0.001)
  .meta({ description: 'Learning rate at the start of the phase.' });

const groups = z.array(group).default([]).meta({
  description: 'Parameters that have a learning rate or weight decay of their own.',
  'x-allowed': 'a list of groups',
});

const ofAdam = 'for `adam` and `adamw`';
const moments = {
  betas: z
    .tuple([beta, beta])
    .default([0.9, 0.999])
    .meta({ description: `Decay rates of the two moments; ${ofAdam}.` }),
  epsilon: z
    .number()
    .gt(0)
    .max(1)
    .default(1e-8)
    .meta({ description: `Added to the root of the second moment; ${ofAdam}.` }),
};

/** The same words for each type, so that they are one line of the reference. */
function weightDecay(byDefault: number) {
  return decay.default(byDefault).meta({
    description:
      'Pulls parameters towards 0: `adam` and `sgd` add it times the parameter to the gradient; `adamw` takes it, times the learning rate, off the parameter itself.',
    'x-default': '`0`; `0.01` for `adamw`',
  });
}

export const optimizer = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('adam').optional().meta({
        description: "PyTorch's Adam, AdamW or SGD.",
        default: 'adam',
      }),
      learningRate,
      weightDecay: weightDecay(0),
      ...moments,
      groups,
    }),
    z.strictObject({
      type: z.literal('adamw'),
      learningRate,
      weightDecay: weightDecay(0.01),
      ...moments,
      groups,
    }),
    z.strictObject({
      type: z.literal('sgd'),
      learningRate,
      weightDecay: weightDecay(0),
      momentum: z.number().min(0).lt(1).default(0).meta({
        description: 'How much of the last update is kept in the next one; for `sgd`.',
      }),
      dampening: z.number().min(0).max(1).default(0).meta({
        description: 'How much of a new gradient is kept out of the momentum; for `sgd`.',
      }),
      nesterov: z.boolean().default(false).meta({
        description: "Nesterov's momentum, which needs `momentum` and no `dampening`; for `sgd`.",
      }),
      groups,
    }),
  ])
  .prefault({})
  .meta({ description: 'The update rule.' });
