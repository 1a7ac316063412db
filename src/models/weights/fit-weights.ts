import { FtctlError } from '../../errors/index.js';
import { nearestNames } from '../nearest-names.js';
import type { TensorSpec } from '../tensor-specs.js';
import type { StoredTensor, TensorSet } from './tensor-set.js';

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

function mismatch(
  label: string,
  network: string,
  missing: readonly TensorSpec[],
  unexpected: readonly string[],
  misshaped: readonly Misshaped[],
  given: TensorSet,
  fitting: string | undefined,
): FtctlError {
  const nearest = (name: string, candidates: readonly string[]): string => {
    const [best] = nearestNames(name, candidates.slice(0, 2000), 1);
    return best === undefined ? '' : `, nearest: ${best}`;
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
  return new FtctlError('FT_WEIGHTS_MISMATCH', {
    what: `${label} does not fit ${network}: ${missing.length} tensors are missing, ${unexpected.length} are unexpected, ${misshaped.length} have another shape or type.`,
    why: `\n${lines.join('\n')}`,
    ...(fitting === undefined
      ? {}
      : { remedy: `The weights are those of ${fitting}: set \`model.architecture\` to it.` }),
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
  options: {
    readonly label: string;
    readonly network: string;
    readonly ignored?: ReadonlySet<string>;
    /** The network that the tensors do fit, where one is known: asked for when they fit not this one. */
    readonly fitting?: () => string | undefined;
  },
): Map<string, StoredTensor> {
  const { label, network, ignored } = options;
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
    throw mismatch(label, network, missing, unexpected, misshaped, given, options.fitting?.());
  }
  for (const spec of specs) {
    const data = fitted.get(spec.name)?.data;
    if (data instanceof Float32Array) checkValues(label, spec, data);
  }
  return fitted;
}
