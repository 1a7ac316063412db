import { extname } from 'node:path';
import { isNpm } from './paths.js';
import { missingIntegrity, unused } from './problem-parts.js';
import type { Problem } from './problems.js';
import { isRunReference, runReference } from './run-reference.js';
import type { UserConfig } from './schema.js';

const words = ['random', 'pretrained', 'imagenet'];
const npmWeights = /^npm:(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*@\d[\w.+-]*#\S+$/i;
const url = /^[a-z][a-z0-9+]*:\/\//i;
const torchvision = 'torchvision:';
/** Formats that are known by their names and not read. Any other file is looked at: its contents tell the format. */
const otherFormats = new Set(['.h5', '.hdf5', '.keras', '.pb', '.tflite', '.npz', '.msgpack']);
const npmIntegrity = /^sha512-/;

/** Whether `model.weights` is a path, and not a word or an address. */
export function isWeightsPath(weights: string): boolean {
  return (
    !words.includes(weights) &&
    !isNpm(weights) &&
    !isRunReference(weights) &&
    !url.test(weights) &&
    !weights.startsWith(torchvision)
  );
}

/** A path is told from a mistyped word by an ending or a folder. */
function looksLikeFile(path: string): boolean {
  const ending = extname(path).toLowerCase();
  return !otherFormats.has(ending) && (ending !== '' || /[/\\]/.test(path));
}

/** What is wrong with `model.weights` and `model.integrity` together. */
export function weightsProblems(
  weights: string,
  integrity: UserConfig['model']['integrity'],
): Problem[] {
  const path = ['model', 'weights'];
  const what = `model.weights is ${weights}.`;
  const integrityPath = ['model', 'integrity'];
  if (isNpm(weights)) {
    if (!npmWeights.test(weights)) {
      return [
        {
          code: 'FT_CONFIG_INVALID_VALUE',
          path,
          what,
          why: 'Weights in an npm package are named with exact version and model, as npm:NAME@1.2.3#MODEL.',
        },
      ];
    }
    if (integrity === null) return [missingIntegrity(integrityPath, weights)];
    if (npmIntegrity.test(integrity)) return [];
    return [
      {
        code: 'FT_CONFIG_INVALID_VALUE',
        path: integrityPath,
        what: `model.integrity is ${integrity}.`,
        why: 'Packages are pinned by the sha512 of their tarball.',
        remedy: 'Set it to what `npm view NAME@VERSION dist.integrity` prints.',
      },
    ];
  }
  if (/^https:\/\//i.test(weights)) {
    if (integrity !== null) return [];
    return [
      {
        code: 'FT_CONFIG_MISSING_KEY',
        path: integrityPath,
        what: 'model.integrity is missing.',
        why: 'What is downloaded is compared with a pinned hash.',
        remedy: 'Set it to the SHA-256 of the file, as its publisher names it.',
      },
    ];
  }
  if (isRunReference(weights) && runReference(weights) === null) {
    return [
      {
        code: 'FT_CONFIG_INVALID_VALUE',
        path,
        what,
        why: "Another run's weights are named run:ID (its best epoch's) or run:ID@final.",
        remedy: 'See the ids with `ftctl runs`.',
      },
    ];
  }
  const isKnown =
    words.includes(weights) ||
    isRunReference(weights) ||
    weights.startsWith(torchvision) ||
    (isWeightsPath(weights) && looksLikeFile(weights));
  const unneeded = unused(integrity, integrityPath, 'model.weights is no package and no download');
  if (isKnown) return unneeded;
  return [
    {
      code: 'FT_CONFIG_UNSUPPORTED',
      path,
      what,
      why: `Weights are random, pretrained, torchvision:NAME, npm:NAME@VERSION#MODEL, https://..., run:ID, or a file (safetensors, PyTorch, ONNX, or the model.json of a tfjs model), whatever its ending.`,
      remedy: 'Name one of these; docs/weights.md says more.',
    },
    ...unneeded,
  ];
}
