import { extname, isAbsolute } from 'node:path';
import type { ArchitectureSpec, Rgb } from '../../config/run-spec.js';
import { isRunReference, runReference, type RunReference } from '../../config/run-reference.js';
import { FtctlError } from '../../errors/index.js';
import { parseIntegrity, type ExpectedDigest } from '../../util/digest.js';
import { parseNpmReference } from '../../util/npm-package.js';
import { nearestNames } from '../nearest-names.js';
import { nsfwjsModelNames, type NsfwjsModelName } from './tfjs/nsfwjs-models.js';
import { isPublishedUrl, publishedArchitectures, publishedWeights } from './torchvision-files.js';

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** Where weights come from, as `model.weights` says it: what lies in files, or is drawn. */
export type WeightsSource =
  | { readonly type: 'random' }
  /** One file; its contents tell the format. */
  | { readonly type: 'file'; readonly path: string }
  /** The model.json of a tfjs model; the files with its weights lie beside it. */
  | { readonly type: 'tfjs'; readonly path: string }
  | { readonly type: 'url'; readonly url: string; readonly expected: ExpectedDigest }
  /** A file inside of an npm package. */
  | ({ readonly type: 'npm'; readonly file: string } & NpmPackage)
  | ({ readonly type: 'nsfwjs'; readonly model: NsfwjsModelName } & NpmPackage);

/** The same, or what another run has trained, which is to be looked for. */
export type ConfiguredSource = WeightsSource | ({ readonly type: 'run' } & RunReference);

/** What of a model's specification says where its weights come from. */
export type WeightsReference = Pick<ArchitectureSpec, 'weights' | 'integrity'> &
  Partial<Pick<ArchitectureSpec, 'architecture'>>;

function refuse(weights: string, why: string, remedy?: string): FtctlError {
  return new FtctlError('FT_WEIGHTS_SOURCE', {
    what: `model.weights is ${JSON.stringify(weights)}.`,
    why,
    ...(remedy === undefined ? {} : { remedy }),
    details: { weights },
  });
}

const torchvisionPattern = /^torchvision:([\w.]+)(?:\/(\w+))?$/;

function torchvisionSource(
  weights: string,
  architecture: string | undefined,
  version: string | undefined,
): WeightsSource {
  if (architecture === undefined)
    throw refuse(weights, 'That needs an architecture: torchvision:NAME.');
  const versions = publishedWeights(architecture);
  if (versions.length === 0) {
    const [nearest] = nearestNames(architecture, publishedArchitectures, 1);
    throw refuse(weights, `torchvision publishes no ${architecture}; did you mean ${nearest}?`);
  }
  const found = version === undefined ? versions[0] : versions.find(({ name }) => name === version);
  if (found === undefined) {
    const names = versions.map(({ name }) => name).join(' and ');
    throw refuse(weights, `torchvision publishes ${architecture} as ${names}.`);
  }
  return { type: 'url', url: found.url, expected: { algorithm: 'sha256', hex: found.sha256Start } };
}

function npmSource(weights: string, integrity: string | null): WeightsSource {
  const reference = parseNpmReference(weights);
  if (reference?.fragment == null) {
    throw refuse(
      weights,
      'An npm source is written npm:NAME@VERSION#MODEL, or #PATH of a file in it.',
    );
  }
  const { name, version, fragment } = reference;
  const isFile = /\.(safetensors|pth|pt|onnx)$/.test(fragment);
  const model = nsfwjsModelNames.find((known) => name === 'nsfwjs' && known === fragment);
  if (!isFile && model === undefined) {
    throw refuse(
      weights,
      `In a package ftctl reads .safetensors, .pth, .pt and .onnx files, and of nsfwjs the models ${nsfwjsModelNames.join(', ')}.`,
    );
  }
  if (isFile && (fragment.startsWith('/') || fragment.split('/').includes('..'))) {
    throw refuse(weights, 'The file must lie inside of the package.');
  }
  if (integrity === null) {
    throw refuse(
      weights,
      "An npm source needs model.integrity: the tarball's sha512.",
      `Set \`model.integrity\` to what \`npm view ${name}@${version} dist.integrity\` prints.`,
    );
  }
  const npm = { name, version, integrity };
  return model === undefined
    ? { type: 'npm', file: fragment, ...npm }
    : { type: 'nsfwjs', model, ...npm };
}

function urlSource(weights: string, integrity: string | null): WeightsSource {
  const expected = integrity === null ? null : parseIntegrity(integrity);
  if (expected === null) {
    throw refuse(
      weights,
      "A download needs model.integrity: the file's SHA-256 (64 hex digits, or sha256- and base64) or SHA-512 (sha512- and base64).",
      'Set `model.integrity` to the hash of the file that its publisher names.',
    );
  }
  return { type: 'url', url: weights, expected };
}

/**
 * Reads `model.weights`: `random`; `pretrained` or `imagenet` (torchvision's of the architecture); `torchvision:NAME[/VERSION]`;
 * `npm:NAME@VERSION#MODEL`; `https://...`; `run:ID`; or a path. Throws FT_WEIGHTS_SOURCE.
 */
export function weightsSource(spec: WeightsReference): ConfiguredSource {
  const { weights, integrity, architecture } = spec;
  if (weights === 'random') return { type: 'random' };
  if (weights === 'pretrained' || weights === 'imagenet') {
    return torchvisionSource(weights, architecture, undefined);
  }
  if (weights.startsWith('torchvision:')) {
    const [, name, version] = torchvisionPattern.exec(weights) ?? [];
    if (name === undefined) {
      throw refuse(weights, 'It is written torchvision:NAME or torchvision:NAME/IMAGENET1K_V2.');
    }
    if (architecture !== undefined && architecture !== name) {
      throw refuse(weights, `model.architecture is ${architecture}, which is another network.`);
    }
    return torchvisionSource(weights, name, version);
  }
  if (isRunReference(weights)) {
    const reference = runReference(weights);
    if (reference === null) throw refuse(weights, 'It is written run:ID or run:ID@final.');
    return { type: 'run', ...reference };
  }
  if (weights.startsWith('npm:')) return npmSource(weights, integrity);
  if (/^https?:/.test(weights)) return urlSource(weights, integrity);
  if (!isAbsolute(weights)) throw new Error('the compiled configuration has absolute paths');
  return { type: extname(weights) === '.json' ? 'tfjs' : 'file', path: weights };
}

/** ImageNet's, as all of torchvision's weights. */
export const imagenetNormalisation: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** The network's input is (pixel / 255 - mean) / std. */
export interface Normalisation {
  readonly mean: Rgb;
  readonly std: Rgb;
}

/** How the images were normalised that published weights were trained on; null: the source does not tell. */
export function knownNormalisation(source: ConfiguredSource): Normalisation | null {
  // nsfwjs feeds its networks pixels / 255; what they do with them is in their graphs.
  if (source.type === 'nsfwjs') return { mean: [0, 0, 0], std: [1, 1, 1] };
  return source.type === 'url' && isPublishedUrl(source.url) ? imagenetNormalisation : null;
}

/**
 * How images are normalised for weights where nothing is set: what is known of the source, else ImageNet's. A file that says
 * otherwise is compared when it is read. Throws FT_WEIGHTS_SOURCE for a tfjs file, which may have been trained in any way.
 */
export function normalisationOf(source: ConfiguredSource): Normalisation {
  const known = knownNormalisation(source);
  if (known !== null) return known;
  if (source.type !== 'tfjs') return imagenetNormalisation;
  throw new FtctlError('FT_WEIGHTS_SOURCE', {
    what: `model.weights is ${JSON.stringify(source.path)}.`,
    why: 'A tfjs model does not say how its images were normalised.',
    remedy:
      'Set `data.normalise`: mean [0.5, 0.5, 0.5] and std [0.5, 0.5, 0.5] for -1 to 1 (as Keras applications), mean [0, 0, 0] and std [1, 1, 1] for 0 to 1.',
    details: { path: source.path },
  });
}
