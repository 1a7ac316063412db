import type {
  GradientEngine,
  ShardBatch,
  ShardGradients,
  ShardSums,
} from '../../../src/engines/gradient-engine.js';
import { headLayout } from '../../../src/models/head.js';
import type { HeadDescription } from '../../../src/models/prepared-model.js';

/**
 * Softmax cross-entropy of a linear head as the textbook writes it, in double precision, rounded to float32 once for
 * each result. A shard's results depend on its own rows alone.
 */
export class ReferenceEngine implements GradientEngine {
  readonly #head: HeadDescription;
  readonly runs: { kind: 'gradients' | 'evaluate'; numShards: number }[] = [];
  /** Turns a result into another one before it is given out. */
  tamper: ((results: ShardGradients) => void) | undefined;

  constructor(head: HeadDescription) {
    this.#head = head;
  }

  gradients(batch: ShardBatch, parameters_P: Float32Array): Promise<ShardGradients> {
    this.runs.push({ kind: 'gradients', numShards: batch.numShards });
    const results = this.#run(batch, parameters_P);
    this.tamper?.(results);
    return Promise.resolve(results);
  }

  evaluate(batch: ShardBatch, parameters_P: Float32Array): Promise<ShardSums> {
    this.runs.push({ kind: 'evaluate', numShards: batch.numShards });
    return Promise.resolve(this.#run(batch, parameters_P));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #run(batch: ShardBatch, parameters: Float32Array): ShardGradients {
    const { numFeatures: F, numClasses: K, weightName } = this.#head;
    const layout = headLayout(this.#head);
    const weightAt = layout.entries.find(({ name }) => name === weightName)!.offset;
    const biasAt = layout.entries.find(({ name }) => name !== weightName)!.offset;
    const losses_S = new Float32Array(batch.numShards);
    const correct_S = new Float32Array(batch.numShards);
    const gradients_SP = new Float32Array(batch.numShards * layout.length);
    for (let s = 0; s < batch.numShards; s += 1) {
      const gradient = new Float64Array(layout.length);
      let loss = 0;
      for (let r = s * batch.rowsPerShard; r < (s + 1) * batch.rowsPerShard; r += 1) {
        const weight = batch.rowWeights_SB[r]!;
        if (weight === 0) continue;
        const x = batch.features_SBF.subarray(r * F, (r + 1) * F);
        const label = batch.labels_SB[r]!;
        const logits = Array.from({ length: K }, (_, k) =>
          x.reduce(
            (sum, value, f) => sum + value * parameters[weightAt + k * F + f]!,
            parameters[biasAt + k]!,
          ),
        );
        const top = Math.max(...logits);
        const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
        loss += weight * (Math.log(total) - (logits[label]! - top));
        if (logits.indexOf(top) === label) correct_S[s] = correct_S[s]! + 1;
        for (const [k, logit] of logits.entries()) {
          const error = weight * (Math.exp(logit - top) / total - (k === label ? 1 : 0));
          for (let f = 0; f < F; f += 1) gradient[weightAt + k * F + f]! += error * x[f]!;
          gradient[biasAt + k]! += error;
        }
      }
      losses_S[s] = loss;
      gradients_SP.set(gradient, s * layout.length);
    }
    return { losses_S, correct_S, gradients_SP };
  }
}
