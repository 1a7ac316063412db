import { distance } from 'fastest-levenshtein';
import { FtctlError } from '../../errors/index.js';
import { nearestNames } from '../nearest-names.js';
import type { TensorSpec } from '../tensor-specs.js';
import type { StoredTensor, TensorSet } from './tensor-set.js';

/** What {@link fitWeights} has to know for its messages. */
interface FitOptions {
  readonly label: string;
  readonly network: string;
  readonly ignored?: ReadonlySet<string>;
  /** What to do where the tensors do not fit; asked for then alone. */
  readonly remedy?: () => string;
}

interface Misfits {
  readonly missing: readonly TensorSpec[];
  readonly unexpected: readonly string[];
  readonly misshaped: readonly Misshaped[];
  readonly numFitting: number;
}

interface Misshaped {
  readonly name: string;
  readonly expected: readonly number[];
  readonly actual: readonly number[];
}

/** Rows of each kind that the message shows; `details` has them all. */
const maxRows = 10;

/** Looking for similar names is quadratic, so it is done for what the message shows alone. */
function shown<T>(rows: readonly T[], format: (row: T) => string): string[] {
  const lines = rows.slice(0, maxRows).map(format);
  if (rows.length > maxRows) lines.push(`  ... and ${rows.length - maxRows} more`);
  return lines;
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** `1 tensor is missing, 2 are unexpected, 3 have another shape or type`; what there is none of is left out. */
function countsText(numMissing: number, numUnexpected: number, numMisshaped: number): string {
  const phrases = (
    [
      [numMissing, 'is missing', 'are missing'],
      [numUnexpected, 'is unexpected', 'are unexpected'],
      [numMisshaped, 'has another shape or type', 'have another shape or type'],
    ] as const
  ).filter(([count]) => count > 0);
  return phrases
    .map(([count, one, many], i) => {
      const noun = i > 0 ? '' : count === 1 ? ' tensor' : ' tensors';
      return `${count}${noun} ${count === 1 ? one : many}`;
    })
    .join(', ');
}

function mismatch(
  { missing, unexpected, misshaped, numFitting }: Misfits,
  given: TensorSet,
  { label, network, remedy }: FitOptions,
): FtctlError {
  // Between networks that have little in common, names that are alike mean nothing.
  const isRelated = numFitting + misshaped.length > missing.length;
  const nearest = (name: string, candidates: readonly string[]): string => {
    const [best] = isRelated ? nearestNames(name, candidates.slice(0, 2000), 1) : [];
    if (best === undefined || distance(name, best) * 3 > name.length) return '';
    return `, nearest: ${best}`;
  };
  const missingNames = missing.map(({ name }) => name);
  const lines = [
    ...shown(
      missing,
      ({ name, shape }) =>
        `  network: ${name} ${shapeText(shape)} | weights: missing${nearest(name, unexpected)}`,
    ),
    ...shown(
      unexpected,
      (name) =>
        `  network: none${nearest(name, missingNames)} | weights: ${name} ${shapeText(given.get(name)!.shape)}`,
    ),
    ...shown(
      misshaped,
      ({ name, expected, actual }) =>
        `  network: ${name} ${shapeText(expected)} | weights: ${shapeText(actual)}`,
    ),
  ];
  const counts = countsText(missing.length, unexpected.length, misshaped.length);
  return new FtctlError('FT_WEIGHTS_MISMATCH', {
    what: `${label} does not fit ${network}: ${counts}.\n${lines.join('\n')}`,
    ...(remedy === undefined ? {} : { remedy: remedy() }),
    details: { file: label, missing: missingNames, unexpected, misshaped },
  });
}

/** Fitting weights must also be usable numbers: finite, and no negative variance. */
function checkValues(label: string, { name, role }: TensorSpec, data: Float32Array): void {
  const isVariance = role === 'statistic' && name.endsWith('.running_var');
  const at = data.findIndex((value) => !Number.isFinite(value) || (isVariance && value < 0));
  if (at < 0) return;
  throw new FtctlError('FT_WEIGHTS_DAMAGED', {
    what: `${label} has a value that no network can have: element ${at} of ${name} is ${data[at]}.`,
    why: isVariance ? 'A variance is finite and not negative.' : 'A weight is finite.',
    remedy:
      'Use another checkpoint: a training that diverged leaves such values, in an intact file.',
    details: { file: label, tensor: name, element: at },
  });
}

/**
 * The tensors that the specs name, in their order. A counter may be missing (files of old versions of PyTorch): it is 0.
 * Tensors of `ignored` names may be there in any shape, or not at all. `label` and `network` are used in messages.
 * Throws FT_WEIGHTS_MISMATCH or FT_WEIGHTS_DAMAGED.
 */
export function fitWeights(
  specs: readonly TensorSpec[],
  given: TensorSet,
  options: FitOptions,
): Map<string, StoredTensor> {
  const { label, ignored } = options;
  const fitted = new Map<string, StoredTensor>();
  const missing: TensorSpec[] = [];
  const misshaped: Misshaped[] = [];
  for (const spec of specs) {
    const { name, shape, role } = spec;
    const tensor = given.get(name);
    const isCounter = role === 'counter';
    if (tensor === undefined) {
      if (isCounter) fitted.set(name, { shape: [], data: BigInt64Array.of(0n) });
      else missing.push(spec);
    } else if (
      tensor.shape.join() !== shape.join() ||
      tensor.data instanceof BigInt64Array !== isCounter
    ) {
      misshaped.push({ name, expected: shape, actual: tensor.shape });
    } else {
      fitted.set(name, tensor);
    }
  }
  const known = new Set(specs.map(({ name }) => name));
  const unexpected = [...given.keys()].filter(
    (name) => !known.has(name) && ignored?.has(name) !== true,
  );
  if (missing.length + unexpected.length + misshaped.length > 0) {
    const numFitting = [...fitted.keys()].filter((name) => given.has(name)).length;
    throw mismatch({ missing, unexpected, misshaped, numFitting }, given, options);
  }
  for (const spec of specs) {
    const data = fitted.get(spec.name)?.data;
    if (data instanceof Float32Array) checkValues(label, spec, data);
  }
  return fitted;
}
