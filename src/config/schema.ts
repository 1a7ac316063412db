import { z } from 'zod';
import { phase } from './phase-schema.js';
import { durationPattern } from './duration.js';
import { maxShards } from './shards.js';

/**
 * What a user writes: the YAML document of a run. This schema is the only description of it: defaults, ranges and
 * meanings are here, and the JSON Schema, the error texts and docs/config.md follow from it. Rules that tie several
 * keys together are in `checks.ts`. Phases are in `phase-schema.ts`.
 *
 * Extra metadata on a key: `x-allowed` says in words what JSON Schema cannot, `x-default` is a default that is
 * computed, and `x-unsupported` says what this version does instead of a value that it does not know.
 */

const fraction = z.number().min(0).max(1);
const strength = z.number().min(0);
const channel = z.int().min(0).max(255);
const port = z.int().min(0).max(65_535);
const text = z.string().min(1);

/** `[low, high]`, in that order. */
function range(bound: z.ZodNumber) {
  return z
    .tuple([bound, bound])
    .refine(([low, high]) => low <= high, 'The first number must not be above the second.');
}

const integrity = z
  .string()
  .regex(/^sha512-[A-Za-z0-9+/]{86}==$/)
  .nullable()
  .default(null);

const augment = z.strictObject({
  rotate: z
    .number()
    .min(0)
    .max(180)
    .default(0)
    .meta({ description: 'Degrees: each view is turned by an angle in [-rotate, rotate].' }),
  flipHorizontal: fraction
    .default(0)
    .meta({ description: 'Probability that a view is mirrored left to right.' }),
  flipVertical: fraction
    .default(0)
    .meta({ description: 'Probability that a view is mirrored top to bottom.' }),
  scale: range(z.number().min(0.5).max(10))
    .default([1, 1])
    .meta({ description: 'Range of the zoom factor, [low, high].' }),
  translate: fraction.default(0).meta({
    description: 'Fraction of the side: each view is shifted by up to this much in x and in y.',
  }),
  crop: range(z.number().min(0.01).max(1)).default([1, 1]).meta({
    description: "Range of the random crop's area, as a fraction of the image; [1, 1] is no crop.",
  }),
  brightness: strength.default(0).meta({
    description: 'Strength v: the factor is drawn from [max(0, 1 - v), 1 + v].',
  }),
  contrast: strength.default(0).meta({ description: 'Strength, as brightness.' }),
  saturation: strength.default(0).meta({ description: 'Strength, as brightness.' }),
  hue: z.number().min(0).max(0.5).default(0).meta({
    description: 'Turns of the color wheel: the hue is shifted by an amount in [-hue, hue].',
  }),
  grayscale: fraction.default(0).meta({ description: 'Probability that a view has no color.' }),
  randomResizedCrop: z
    .strictObject({
      area: range(z.number().min(0.01).max(1)).default([0.08, 1]).meta({
        description: "Range of the rectangle's area, as a fraction of the whole image.",
      }),
      ratio: range(z.number().min(0.1).max(10))
        .default([0.75, 4 / 3])
        .meta({ description: "Range of the rectangle's width over its height." }),
    })
    .nullable()
    .default(null)
    .meta({
      description:
        "torchvision's RandomResizedCrop: a rectangle of the whole image is stretched to the input's size; `{}` for torchvision's ranges, null for none. Replaces `crop`.",
    }),
  randomErasing: z
    .strictObject({
      probability: fraction.default(0.5).meta({ description: 'Probability of an erasure.' }),
      area: range(z.number().min(0.001).max(1)).default([0.02, 0.33]).meta({
        description: "Range of the erased rectangle's area, as a fraction of the view.",
      }),
      ratio: range(z.number().min(0.1).max(10))
        .default([0.3, 3.3])
        .meta({ description: "Range of the erased rectangle's height over its width." }),
    })
    .nullable()
    .default(null)
    .meta({
      description:
        "torchvision's RandomErasing: a rectangle of a view is filled with the mean color (0, once normalised); `{}` for torchvision's values, null for none.",
    }),
});

const data = z.strictObject({
  source: text.meta({
    description:
      'Where the images are: a folder (`class/*` or `{train,val,test}/class/*`), a `.csv` or `.jsonl` manifest with path, label and optional split, a tar or zip archive of such (a file, or an `https:` address), or `npm:NAME@VERSION`. Where `--set` names another one, what the file says of its own (`integrity`, `sha256`, `within`, `rules`) no longer applies.',
    'x-allowed':
      'a folder, a `.csv` or `.jsonl` file, a `.tar`, `.tar.gz`, `.tgz` or `.zip` file, an `https:` address of one, or `npm:NAME@VERSION`',
  }),
  integrity: integrity.meta({
    description:
      'The sha512 of the tarball of an `npm:` source; needed for one, and it has no use without.',
    'x-allowed': '`sha512-` and 88 base64 characters, or null',
  }),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .default(null)
    .meta({
      description:
        'The SHA-256 of an archive; needed for an `https:` source, compared for a file where it is given.',
      'x-allowed': '64 hexadecimal digits in lower case, or null',
    }),
  within: text.nullable().default(null).meta({
    description:
      'Folder or manifest inside of an archive; null: its top, or the folder that is alone there.',
    'x-allowed': 'a relative path or null',
  }),
  rules: text.nullable().default(null).meta({
    description:
      'Rule file that says which files of an `npm:` package or an archive are samples, and of what class.',
    'x-allowed': 'a file path or null',
  }),
  classNames: text.nullable().default(null).meta({
    description:
      'JSON file with an object of class id -> name (as cat_to_name.json); null: class names are the folder names.',
    'x-allowed': 'a file path or null',
  }),
  split: z
    .strictObject({
      train: fraction.default(0.8).meta({ description: 'Fraction to train on.' }),
      val: fraction.default(0.2).meta({
        description: 'Fraction that is scored after each epoch; the best epoch is chosen on it.',
      }),
      test: fraction
        .default(0)
        .meta({ description: 'Fraction that is scored once, at the end of the run.' }),
      groupBy: text.nullable().default(null).meta({
        description:
          'Keeps all images of a group (a patient, a video) in one split. `NAME`: the column of a manifest, or the field of the table of a rule file; `/REGEX/`: what the first pair of parentheses (else the whole pattern) finds in the path.',
        'x-allowed': 'the name of a column, `/REGEX/`, or null',
      }),
    })
    .prefault({})
    .meta({
      description:
        'Fractions of each class; they sum to 1. Where a source brings its own splits, only `groupBy` is looked at, and checked.',
    }),
  onBadFile: z.enum(['fail', 'skip']).default('fail').meta({
    description:
      'A file that cannot be decoded: `fail` stops before training with a list of all of them; `skip` leaves them out and says which.',
  }),
  imageSize: z
    .int()
    .min(8)
    .max(2048)
    .meta({ description: "Pixels: the side of the network's square input." }),
  views: z
    .union([z.int().min(1).max(1_000_000), z.literal('fresh')])
    .optional()
    .meta({
      description:
        'Number of distinct augmented views of each image, cycled over the epochs and cached; `fresh`: a new one in each epoch.',
      'x-default': '1 without augmentation, else `fresh`',
    }),
  valTransform: z
    .strictObject({
      resize: z.int().min(8).max(4096).nullable().default(null).meta({
        description:
          'Pixels: val and test images (and those of `predict` and `evaluate`) are resized so that the shorter side is this long, and `imageSize` is cut out of the middle, as torchvision does (256 for 224); null: `imageSize` itself.',
        'x-allowed': 'a whole number from `imageSize` to 4096, or null',
      }),
    })
    .prefault({})
    .meta({ description: 'How images are prepared that are not augmented.' }),
  background: z.tuple([channel, channel, channel]).default([0, 0, 0]).meta({
    description:
      'RGB, 0 to 255: what is put behind transparent pixels and outside of a moved image.',
  }),
  augment: augment.prefault({}).meta({
    description: 'What the views of an image differ in. The defaults switch all of it off.',
  }),
  normalise: z
    .strictObject({
      mean: z.tuple([z.number(), z.number(), z.number()]).meta({
        description: 'Per RGB channel, of pixels scaled to 0..1.',
        'x-default': 'required beside `std`',
      }),
      std: z.tuple([z.number().gt(0), z.number().gt(0), z.number().gt(0)]).meta({
        description: 'Per RGB channel, of pixels scaled to 0..1.',
        'x-default': 'required beside `mean`',
      }),
    })
    .nullable()
    .default(null)
    .meta({
      description:
        'The input is (pixel / 255 - mean) / std; null: the normalisation that belongs to the weights. Where that is known, no other one is taken.',
    }),
});

const model = z.strictObject({
  architecture: text.nullable().default(null).meta({
    description: 'The network, or its family: `ftctl models list` names them.',
    'x-allowed': 'the name of an architecture',
    'x-default': 'required without `onnx`',
  }),
  width: z
    .number()
    .gt(0)
    .max(8)
    .default(1)
    .meta({ description: 'Width multiplier of a mobilenet_v2; 1 for the others.' }),
  weights: text.nullable().default(null).meta({
    description:
      "Pretrained weights: `random`; `pretrained`, torchvision's ImageNet weights of the architecture, or `torchvision:NAME/IMAGENET1K_V2`; a safetensors, PyTorch (`.pth`, `.pt`, `.tar`, `.ckpt`, `.bin`) or ONNX file, whatever its ending, or the `model.json` of a tfjs model; `https://...`; `npm:NAME@VERSION#MODEL`; or `run:ID`, what another run has trained.",
    'x-allowed':
      '`random`, `pretrained`, `torchvision:NAME`, a path, `https://...`, `npm:NAME@VERSION#MODEL`, or `run:ID`',
    'x-default': 'required without `onnx`',
  }),
  integrity: z
    .string()
    .regex(/^(sha512-[A-Za-z0-9+/]{86}==|sha256-[A-Za-z0-9+/]{43}=|[0-9a-f]{64})$/)
    .nullable()
    .default(null)
    .meta({
      description:
        'Hash of what is fetched: the sha512 of the tarball of `npm:` weights, or the SHA-256 or SHA-512 of the file of `https:` ones; needed for them, no use without.',
      'x-allowed': '`sha512-` or `sha256-` and base64, 64 hex digits, or null',
    }),
  onnx: text.nullable().default(null).meta({
    description:
      'A frozen network of your own, in place of `architecture` and `weights`: a file that takes images [N, 3, H, W] and gives features. Needs `data.normalise`.',
    'x-allowed': 'the path of an ONNX file, or null',
  }),
  output: text.nullable().default(null).meta({
    description:
      'The output of `model.onnx` that has the features, [N, F] or [N, C, H, W]; null: its only one.',
    'x-allowed': 'the name of an output, or null',
  }),
});

export const configSchema = z.strictObject({
  apiVersion: z.literal('ftctl/v1').meta({
    description: 'The version of this format.',
    'x-unsupported': 'This version of ftctl reads `ftctl/v1`.',
  }),
  kind: z.literal('TrainingRun').meta({
    description: 'What the document describes.',
    'x-unsupported': 'This version of ftctl reads `TrainingRun`.',
  }),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
    .optional()
    .meta({
      description: 'The start of the name of the run folder.',
      'x-allowed':
        '1 to 63 letters, digits, dots, dashes and underscores, the first a letter or digit',
      'x-default': "the file's name without its ending",
    }),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0)
    .meta({ description: 'Decides the split, the order, the views and the initial classifier.' }),
  data: data.meta({ description: 'The images and what is done with them.' }),
  model: model.meta({ description: 'The pretrained network.' }),
  phases: z
    .array(phase)
    .min(1)
    .max(100)
    .meta({ description: 'The stages of the training, one after another.' }),
  batch: z
    .strictObject({
      size: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(32)
        .meta({ description: 'Images in a step, over all workers.' }),
      shards: z.int().min(1).max(maxShards).optional().meta({
        description:
          'Virtual shards: fixed slices of the data and of each batch that workers own. Must divide the batch size. The result depends on it, but not on the number of workers.',
        'x-default': 'the largest divisor of the batch size that is not over min(16, size / 4)',
      }),
    })
    .prefault({})
    .meta({ description: 'The global batch.' }),
  workers: z
    .strictObject({
      count: z
        .int()
        .min(1)
        .max(maxShards)
        .default(1)
        .meta({ description: 'Number of worker processes, at most the number of shards.' }),
    })
    .prefault({})
    .meta({ description: 'Who does the work. The result does not depend on it.' }),
  tolerance: z.string().regex(durationPattern).default('10 s').meta({
    description:
      'How long a worker may say nothing before the others go on without it. A worker that dies is noticed at once.',
    'x-allowed': 'a duration from `300 ms` to `60 m`, in `ms`, `s` or `m`',
  }),
  best: z
    .strictObject({
      metric: z
        .enum(['accuracy', 'loss'])
        .default('accuracy')
        .meta({ description: 'What the best epoch is chosen by, on the val split.' }),
    })
    .prefault({})
    .meta({ description: 'Which epoch becomes the model.' }),
  engine: z
    .strictObject({
      provider: z
        .enum(['cpu', 'cuda', 'webgpu'])
        .default('cpu')
        .meta({ description: 'What the network runs on.' }),
      threads: z
        .union([z.int().min(1).max(1024), z.literal('auto')])
        .default('auto')
        .meta({
          description:
            "Threads of one worker's frozen network; `auto`: the machine's cores shared among the workers.",
        }),
    })
    .prefault({})
    .meta({ description: 'How the network is computed.' }),
  cache: z
    .strictObject({
      path: text.optional().meta({
        description:
          'Folder for downloads, decoded images and features, shared by all runs of a machine. On a local file system.',
        'x-allowed': 'a folder path',
        'x-default': '`$FTCTL_CACHE`, else `$XDG_CACHE_HOME/ftctl`, else `~/.cache/ftctl`',
      }),
      features: z
        .union([z.boolean(), z.literal('auto')])
        .default('auto')
        .meta({
          description:
            'Keep the features of each view; `auto`: yes for a number of views, no for `fresh` ones.',
        }),
      images: z.boolean().default(true).meta({ description: 'Keep the decoded images.' }),
    })
    .prefault({})
    .meta({ description: 'What is kept so that it need not be computed again.' }),
  checkpoint: z
    .strictObject({
      everyEpochs: z.int().min(1).max(1_000_000).default(1).meta({
        description: 'Epochs between two checkpoints; the last epoch always has one.',
      }),
    })
    .prefault({})
    .meta({ description: 'When the state is saved.' }),
  metrics: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .meta({ description: 'Serve `/metrics`, `/healthz` and `/readyz` over HTTP.' }),
      host: text.default('127.0.0.1').meta({
        description: 'Address to serve them on.',
        'x-allowed': 'a host name or address',
      }),
      port: port.default(0).meta({
        description:
          "Port of the coordinator's server; worker N has port + 1 + N. 0: any free port for each.",
      }),
    })
    .prefault({})
    .meta({ description: 'Prometheus metrics.' }),
  security: z
    .strictObject({
      host: text.default('127.0.0.1').meta({
        description: 'Address that the coordinator and the workers talk over; loopback only.',
        'x-allowed': 'a loopback address',
      }),
      port: port.default(0).meta({ description: "The coordinator's port. 0: any free port." }),
    })
    .prefault({})
    .meta({ description: 'Who can reach the run.' }),
  training: z
    .strictObject({
      limitBatches: z.int().min(1).max(1_000_000_000).nullable().default(null).meta({
        description:
          'Smoke check: at most this many steps in an epoch and batches in an evaluation; null: all.',
      }),
      overfitBatch: z.boolean().default(false).meta({
        description: 'Smoke check: every step uses the first batch, unaugmented.',
      }),
    })
    .prefault({})
    .meta({ description: 'Checks that a set-up can learn at all.' }),
});

/** A valid document with zod's defaults filled in; the computed defaults may still be absent. */
export type UserConfig = z.output<typeof configSchema>;
/** A document as a user may write it. */
export type UserConfigInput = z.input<typeof configSchema>;
