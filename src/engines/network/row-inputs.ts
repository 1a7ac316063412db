import { fillDropoutMask } from '../../data/dropout-mask.js';
import { repeatsOf } from '../../data/repeats.js';
import { mixRows } from '../mix-rows.js';
import type { TensorValue } from '../onnx-session.js';
import type { ShardBatch } from '../phase-engine.js';
import { graphNames } from './graph-names.js';

/** What a graph's rows are. */
export interface RowSizes {
  /** S of one run. */
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly numFeatures: number;
  readonly numClasses: number;
}

/** A layer that drops out. */
export interface DropoutOf {
  readonly layer: string;
  readonly probability: number;
  /** Values of a row. */
  readonly rowLength: number;
  /** Of the graph's input, N rows. */
  readonly dims: readonly number[];
}

/**
 * The inputs of one graph that come with a batch's rows, for one run after the other: shards [first, first + S) of a batch, filled up with
 * padding where it ends before. The memory of one run is that of the next.
 */
export class RowInputs {
  readonly #sizes: RowSizes;
  readonly #features: Float32Array;
  readonly #targets: Float32Array;
  readonly #labels: Int32Array;
  readonly #rowMask: Float32Array | undefined;
  readonly #dropouts: readonly (DropoutOf & { readonly masks: Float32Array })[];

  constructor(sizes: RowSizes, hasRowMask: boolean, dropouts: readonly DropoutOf[]) {
    const { numFeatures, numClasses } = sizes;
    const rows = sizes.numShards * sizes.rowsPerShard;
    this.#sizes = sizes;
    this.#features = new Float32Array(rows * numFeatures);
    this.#targets = new Float32Array(rows * numClasses);
    this.#labels = new Int32Array(rows);
    this.#rowMask = hasRowMask ? new Float32Array(rows) : undefined;
    this.#dropouts = dropouts.map((dropout) => ({
      ...dropout,
      masks: new Float32Array(rows * dropout.rowLength),
    }));
  }

  /** `isTraining`: whether features are mixed. */
  of(batch: ShardBatch, first: number, isTraining: boolean): Record<string, TensorValue> {
    const { numShards, rowsPerShard, numFeatures, numClasses } = this.#sizes;
    const rows = numShards * rowsPerShard;
    const fill = <T extends Float32Array | Int32Array>(to: T, from: T, padding: number): T => {
      const each = to.length / numShards;
      const values = from.subarray(first * each, (first + numShards) * each);
      to.set(values);
      to.fill(padding, values.length);
      return to;
    };
    if (isTraining && batch.mix !== null) {
      mixRows(batch.features_SBF, batch.mix, rowsPerShard, { first, numShards }, this.#features);
    } else {
      fill(this.#features, batch.features_SBF, 0);
    }
    const labels = fill(this.#labels, batch.labels_SB, -1);
    const targets = fill(this.#targets, batch.targets_SBK, 0);
    const inputs: Record<string, TensorValue> = {
      [graphNames.features]: { data: this.#features, dims: [rows, numFeatures] },
      [graphNames.targets]: { data: targets, dims: [rows, numClasses] },
      [graphNames.labels]: { data: labels, dims: [rows] },
    };
    if (this.#rowMask !== undefined) {
      const mask = this.#rowMask;
      for (const [row, label] of labels.entries()) mask[row] = label < 0 ? 0 : 1;
      inputs[graphNames.rowMask] = { data: mask, dims: [rows, 1] };
    }
    const samples =
      batch.dropout?.samples.slice(first * rowsPerShard, (first + numShards) * rowsPerShard) ?? [];
    const repeats = repeatsOf(samples);
    for (const dropout of this.#dropouts) {
      const { layer, masks, dims } = dropout;
      this.#fillMasks(dropout, batch, { samples, repeats });
      inputs[graphNames.dropout(layer)] = { data: masks, dims };
    }
    return inputs;
  }

  #fillMasks(
    { layer, probability, rowLength, masks }: DropoutOf & { readonly masks: Float32Array },
    { dropout }: ShardBatch,
    { samples, repeats }: { readonly samples: readonly string[]; readonly repeats: Int32Array },
  ): void {
    if (dropout === null) {
      masks.fill(1);
      return;
    }
    const { seed, step } = dropout;
    for (let row = 0; row * rowLength < masks.length; row += 1) {
      const mask = masks.subarray(row * rowLength, (row + 1) * rowLength);
      const sample = samples[row] ?? '';
      const repeat = repeats[row] ?? 0;
      if (sample === '') mask.fill(1);
      else fillDropoutMask(mask, probability, { seed, step, sample, repeat, layer });
    }
  }
}
