/** Rows of S shards of B each. Legend: K classes. */
export interface LabelledRows {
  readonly rowsPerShard: number;
  readonly numClasses: number;
  /** -1: padding. */
  readonly labels_SB: Int32Array;
}

/** What a phase makes of labels. */
export interface TargetRules {
  /** null: all 1. */
  readonly classWeights_K: Float32Array | null;
  /** e, in [0, 1). */
  readonly labelSmoothing: number;
  /** Mixup's: partners are rows of the same shard; null: none. */
  readonly mix: { readonly partners_SB: Int32Array; readonly lambdas_SB: Float32Array } | null;
}

/** What the loss is taken against, `-sum_k q_k log p_k`, and the sum of the weights of each shard's rows, by which its mean divides. */
export interface Targets {
  readonly targets_SBK: Float32Array;
  readonly weights_S: Float32Array;
}

/**
 * The targets of PyTorch's `CrossEntropyLoss(weight=w, label_smoothing=e)` (ATen/native/LossNLL.cpp, `cross_entropy_loss_label_smoothing`):
 * of a row with label y
 *
 *     q_k = w_y * (1 - e) * [k = y] + w_k * e / K
 *
 * Its mean divides by the sum of w_y. Mixup (Zhang et al. 2018) has `lambda * q + (1 - lambda) * q of
 * the partner`, and weights likewise. In double precision, rounded once; the sum of a shard's weights in float32, row after row.
 */
export function targetsOf(rows: LabelledRows, rules: TargetRules): Targets {
  const { rowsPerShard, numClasses, labels_SB } = rows;
  const numRows = labels_SB.length;
  const targets_SBK = new Float32Array(numRows * numClasses);
  const weights_S = new Float32Array(numRows / rowsPerShard);
  const { mix } = rules;
  const sum_K = new Float64Array(numClasses);
  for (let row = 0; row < numRows; row += 1) {
    const shard = Math.floor(row / rowsPerShard);
    const lambda = mix === null ? 1 : mix.lambdas_SB[row]!;
    sum_K.fill(0);
    let weight = addRow(sum_K, rows, rules, row, lambda);
    if (mix !== null && lambda !== 1) {
      const partner = shard * rowsPerShard + mix.partners_SB[row]!;
      weight += addRow(sum_K, rows, rules, partner, 1 - lambda);
    }
    targets_SBK.set(sum_K, row * numClasses);
    weights_S[shard] = weights_S[shard]! + Math.fround(weight);
  }
  return { targets_SBK, weights_S };
}

/** Adds a part of a row's own targets to `sum_K`, and returns that part of its weight. */
function addRow(
  sum_K: Float64Array,
  { labels_SB, numClasses }: LabelledRows,
  { classWeights_K, labelSmoothing }: TargetRules,
  row: number,
  part: number,
): number {
  const label = labels_SB[row]!;
  if (label < 0) return 0;
  const weight = part * (classWeights_K === null ? 1 : classWeights_K[label]!);
  sum_K[label] = sum_K[label]! + (1 - labelSmoothing) * weight;
  if (labelSmoothing > 0) {
    const each = (part * labelSmoothing) / numClasses;
    for (let k = 0; k < numClasses; k += 1) {
      sum_K[k] = sum_K[k]! + each * (classWeights_K === null ? 1 : classWeights_K[k]!);
    }
  }
  return weight;
}
