import type { Partial } from '../../../src/collective/messages.js';
import { sumOwned } from '../../../src/collective/tree.js';
import type {
  PhaseEngine,
  ShardBatch,
  ShardPlace,
  ShardSums,
  TrainingTensors,
} from '../../../src/engines/phase-engine.js';
import { headLayout } from '../../../src/models/head.js';
import type { HeadDescription } from '../../../src/models/prepared-model.js';

interface ShardResult {
  /** [gradient, loss, weight, correct, count] */
  readonly vector: Float32Array;
  readonly loss: number;
  readonly correct: number;
}

/**
 * Softmax cross-entropy of a linear head as the textbook writes it, in double precision, rounded to float32 once for
 * each result. A shard's results depend on its own rows alone. The state has the head alone.
 */
export class ReferenceEngine implements PhaseEngine {
  readonly #head: HeadDescription;
  readonly runs: { kind: 'gradients' | 'evaluate'; numShards: number }[] = [];
  /** Turns a shard's vector into another one before it is summed. */
  tamper: ((vector: Float32Array) => void) | undefined;

  constructor(head: HeadDescription) {
    this.#head = head;
  }

  gradients(
    batches: readonly ShardBatch[],
    place: ShardPlace,
    { parameters }: TrainingTensors,
  ): Promise<Partial[]> {
    this.runs.push({ kind: 'gradients', numShards: place.numShards });
    const vectors = Array.from({ length: place.numShards }, (_, shard) => {
      const [first, ...others] = batches.map(
        (batch) => this.#shard(batch, shard, parameters).vector,
      );
      for (const other of others) for (const [i, value] of other.entries()) first![i]! += value;
      this.tamper?.(first!);
      return first!;
    });
    return Promise.resolve(sumOwned(place.firstShard, vectors, place.numShardsOfRun));
  }

  evaluate(batch: ShardBatch, { parameters }: TrainingTensors): Promise<ShardSums> {
    this.runs.push({ kind: 'evaluate', numShards: batch.numShards });
    const results = Array.from({ length: batch.numShards }, (_, shard) =>
      this.#shard(batch, shard, parameters),
    );
    return Promise.resolve({
      losses_S: Float32Array.from(results, ({ loss }) => loss),
      correct_S: Float32Array.from(results, ({ correct }) => correct),
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #shard(batch: ShardBatch, shard: number, parameters: Float32Array): ShardResult {
    const { numFeatures: F, numClasses: K, weightName } = this.#head;
    const layout = headLayout(this.#head);
    const weightAt = layout.entries.find(({ name }) => name === weightName)!.offset;
    const biasAt = layout.entries.find(({ name }) => name !== weightName)!.offset;
    const gradient = new Float64Array(layout.length);
    let loss = 0;
    let correct = 0;
    for (let r = shard * batch.rowsPerShard; r < (shard + 1) * batch.rowsPerShard; r += 1) {
      const label = batch.labels_SB[r]!;
      if (label < 0) continue;
      const x = mixedRow(batch, shard, r, F);
      const q = batch.targets_SBK.subarray(r * K, (r + 1) * K);
      const logits = Array.from({ length: K }, (_, k) =>
        x.reduce(
          (sum, value, f) => sum + value * parameters[weightAt + k * F + f]!,
          parameters[biasAt + k]!,
        ),
      );
      const top = Math.max(...logits);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
      const weight = q.reduce((sum, value) => sum + value, 0);
      if (logits.indexOf(top) === label) correct += 1;
      for (const [k, logit] of logits.entries()) {
        loss += q[k]! * (Math.log(total) - (logit - top));
        const error = (weight * Math.exp(logit - top)) / total - q[k]!;
        for (let f = 0; f < F; f += 1) gradient[weightAt + k * F + f]! += error * x[f]!;
        gradient[biasAt + k]! += error;
      }
    }
    const sums = [loss, batch.weights_S[shard]!, correct, batch.counts_S[shard]!];
    return { vector: Float32Array.of(...gradient, ...sums), loss, correct };
  }
}

/** A row's features after mixup. */
function mixedRow(
  { features_SBF, mix, rowsPerShard }: ShardBatch,
  shard: number,
  r: number,
  F: number,
) {
  const row = (i: number) => features_SBF.subarray(i * F, (i + 1) * F);
  if (mix === null) return row(r);
  const lambda = mix.lambdas_SB[r]!;
  const partner = row(shard * rowsPerShard + mix.partners_SB[r]!);
  return row(r).map((value, f) => lambda * value + (1 - lambda) * partner[f]!);
}
