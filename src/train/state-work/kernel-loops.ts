import { adamName, adamNumbers } from '../../kernels/adam-kernel.js';
import { type Kernels, wholeFours } from '../../kernels/kernels.js';
import { sgdName, sgdNumbers } from '../../kernels/sgd-kernel.js';
import { countNotFinite } from '../checks.js';
import { type ClipScalars, clipRange } from '../clip.js';
import type { AdamScalars } from '../optimizers/adam.js';
import type { SgdScalars } from '../optimizers/sgd.js';
import type { ElementRange, OptimizerTensors } from '../optimizers/tensors.js';
import { updateRange, type UpdateScalars } from '../optimizers/update.js';

/*
 * The loops of an update by kernels: each has the bits of its loop in plain JavaScript, which also does the last one to three elements.
 * All arrays are views of the kernels' memory.
 */

/** As `values[i] / by` for each. */
export function divide(kernels: Kernels, values: Float32Array, by: number): void {
  kernels.run('divide', [values], values.length, [by]);
  for (let i = wholeFours(values.length); i < values.length; i += 1) values[i] = values[i]! / by;
}

/** clipRange of a whole array. */
export function limit(kernels: Kernels, values: Float32Array, scalars: ClipScalars): void {
  const numbers = [scalars.scale, -scalars.limit, scalars.limit];
  kernels.run('limit', [values], values.length, numbers);
  clipRange(values, wholeFours(values.length), values.length, scalars);
}

/** countNotFinite of a whole array. */
export function countBad(kernels: Kernels, values: Float32Array): number {
  const count = kernels.run('countNotFinite', [values], values.length) as number;
  return count + countNotFinite(values.subarray(wholeFours(values.length)));
}

/** sumOfSquares of a whole array. */
export function squares(kernels: Kernels, values: Float32Array): number {
  const sums = [...(kernels.run('sumOfSquares', [values], values.length) as readonly number[])];
  for (let i = wholeFours(values.length); i < values.length; i += 1) {
    sums[i & 3] = sums[i & 3]! + values[i]! * values[i]!;
  }
  return sums[0]! + sums[1]! + (sums[2]! + sums[3]!);
}

/** updateRange. */
export function update(
  kernels: Kernels,
  tensors: OptimizerTensors,
  gradients: Float32Array,
  range: ElementRange,
  scalars: UpdateScalars,
): void {
  const { gradientOffset, parameterOffset, length } = range;
  const arrays = [
    gradients.subarray(gradientOffset),
    tensors.parameters.subarray(parameterOffset),
    tensors.firstMoments.subarray(parameterOffset),
    ...(scalars.type === 'adam' ? [tensors.secondMoments.subarray(parameterOffset)] : []),
  ];
  const { name, numbers } = scalars.type === 'adam' ? adamCall(scalars) : sgdCall(scalars);
  kernels.run(name, arrays, length, numbers);
  const done = wholeFours(length);
  const rest = {
    gradientOffset: gradientOffset + done,
    parameterOffset: parameterOffset + done,
    length: length - done,
  };
  updateRange(tensors, gradients, rest, scalars);
}

interface Call {
  readonly name: string;
  readonly numbers: readonly number[];
}

function adamCall(scalars: AdamScalars): Call {
  const { l2, fromMoment } = scalars;
  const numbers = adamNumbers.map((name) => scalars[name]);
  return { name: adamName({ hasL2: l2 !== 0, fromMoment }), numbers };
}

function sgdCall(scalars: SgdScalars): Call {
  const { l2, momentum, isFirst } = scalars;
  const buffer = momentum === 0 ? 'none' : isFirst ? 'first' : 'later';
  const nesterov = momentum !== 0 && scalars.nesterov;
  const numbers = sgdNumbers.map((name) => scalars[name]);
  return { name: sgdName({ hasL2: l2 !== 0, buffer, nesterov }), numbers };
}
