import { z } from 'zod';
import { optimizer } from './optimizer-schema.js';
import { patterns, patternsOrNone } from './patterns-schema.js';
import { schedule } from './schedule-schema.js';

/** What a user writes of one phase. Rules that tie several keys together are in `phase-checks.ts`. */
export const phase = z.strictObject({
  train: patterns.default('head').meta({
    description:
      'What is trained: `head`, the new classifier alone; a layer or module (`layer4`) and what follows it; `all`; or a list of such and of globs of parameter names (`*.bn?.weight`). The new classifier always is. `ftctl models show NAME --train layer4` prints what moves.',
    'x-allowed': '`head`, `all`, a name, or a list of names',
  }),
  except: patternsOrNone.default([]).meta({
    description: 'Layers, modules and globs of parameter names that are not trained all the same.',
    'x-allowed': 'a name, or a list of names',
  }),
  epochs: z
    .int()
    .min(1)
    .max(1_000_000)
    .meta({ description: 'Number of times that each training image is used.' }),
  from: z.enum(['last', 'best']).default('last').meta({
    description:
      'Where the phase starts: `last`, the parameters as they are; `best`, those of the best epoch so far.',
  }),
  optimizer,
  schedule,
  clip: z
    .strictObject({
      norm: z.number().gt(0).nullable().default(null).meta({
        description:
          'The mean gradient of all trained parameters together is scaled down to at most this Euclidean norm.',
      }),
      value: z.number().gt(0).nullable().default(null).meta({
        description: 'Each value of the gradient is cut to [-value, value], after `norm`.',
      }),
    })
    .prefault({})
    .meta({ description: 'Limits of the gradient before an update.' }),
  labelSmoothing: z.number().min(0).lt(1).default(0).meta({
    description:
      "Part of each label that is spread evenly over all classes, as in PyTorch's CrossEntropyLoss.",
  }),
  classWeights: z
    .union([z.enum(['none', 'balanced']), z.record(z.string().min(1), z.number().gt(0).max(1e6))])
    .default('none')
    .meta({
      description:
        "Weight of a class's images in the loss: `none`, 1; `balanced`, inversely to how many of them there are to train on; or by the name of the class, others having 1.",
      'x-allowed': '`none`, `balanced`, or a group of class names with numbers above 0',
    }),
  sampling: z.enum(['once', 'weighted']).default('once').meta({
    description:
      '`once`: each image once in an epoch. `weighted`: images are drawn, with replacement, so that each class comes as often as any other.',
  }),
  mixup: z.number().min(0).max(1000).default(0).meta({
    description:
      'Alpha of Beta(alpha, alpha): each image is mixed, where the trained part begins, with another of its shard in a proportion drawn from it; 0: none is.',
  }),
  accumulate: z.int().min(1).max(1_000_000).default(1).meta({
    description: 'Batches whose gradients are added up for one update.',
  }),
  earlyStopping: z
    .strictObject({
      metric: z.enum(['accuracy', 'loss']).optional().meta({
        description: 'What is watched, on the val split.',
        'x-default': 'that of `best`',
      }),
      patience: z.int().min(1).max(1_000_000).meta({
        description: 'Evaluations in a row without an improvement after which the phase ends.',
        'x-default': 'required in `earlyStopping`',
      }),
      minDelta: z.number().min(0).max(1000).default(0).meta({
        description: 'What is not more than this much better than the best is no improvement.',
      }),
    })
    .nullable()
    .default(null)
    .meta({ description: 'Ends the phase when it no longer gets better; null: after its epochs.' }),
  batchNorm: z.enum(['frozen', 'shard']).default('frozen').meta({
    description:
      'How trained batch norms normalise: `frozen`, by the statistics that were loaded; `shard`, each shard by those of its own part of the batch, and the running ones follow.',
  }),
});
