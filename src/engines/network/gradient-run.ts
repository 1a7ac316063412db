import { addNodes, sumOwned } from '../../collective/tree.js';
import type { TensorValue } from '../onnx-session.js';
import type { ShardBatch } from '../phase-engine.js';
import { graphNames } from './graph-names.js';
import type { GraphSession } from './graph-session.js';
import type { StepLayout } from './step-layout.js';
import { sumShards } from './sum-shards.js';

type State = Readonly<Record<string, TensorValue>>;

/** A gradient graph of S shards, and the step vectors' sum over them. S is 1, 2, 4 or 8. */
export class GradientRun {
  readonly #session: GraphSession;
  readonly #layout: StepLayout;
  /** [S, length] for each parameter, one after the other, which every run writes anew; of the first batch, and of those after it. */
  #first: Float32Array | undefined;
  #further: Float32Array | undefined;

  constructor(session: GraphSession, layout: StepLayout) {
    this.#session = session;
    this.#layout = layout;
  }

  /** Shards [first, first + S) of the batches: the sum of their step vectors, written into `vector`. */
  async sum(
    batches: readonly ShardBatch[],
    first: number,
    state: State,
    vector: Float32Array,
  ): Promise<void> {
    const { numShards } = this.#session;
    const { gradients, numGradients } = this.#layout;
    // One shard's gradients are written where they belong.
    const sums =
      numShards === 1
        ? vector.subarray(0, numGradients)
        : (this.#first ??= new Float32Array(numShards * numGradients));
    const tails = Array.from(
      { length: numShards },
      () => new Float32Array(this.#layout.tailLength),
    );
    for (const [i, batch] of batches.entries()) {
      if (i === 0) {
        await this.#run(batch, first, state, sums, tails);
      } else {
        this.#further ??= new Float32Array(numShards * numGradients);
        await this.#run(batch, first, state, this.#further, tails);
        addNodes(sums, sums, this.#further);
      }
    }
    if (numShards > 1) {
      for (const { offset, length } of gradients) {
        const ofShards = sums.subarray(numShards * offset, numShards * (offset + length));
        sumShards(ofShards, numShards, vector.subarray(offset, offset + length));
      }
    }
    vector.set(sumOwned(0, tails, numShards)[0]!.values, numGradients);
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  /** Writes a batch's gradients, and adds to the tails what comes after them in the shards' step vectors. */
  async #run(
    batch: ShardBatch,
    first: number,
    state: State,
    into_SL: Float32Array,
    tails: readonly Float32Array[],
  ): Promise<void> {
    const { numShards } = this.#session;
    const { gradients, statistics } = this.#layout;
    const into: Record<string, TensorValue | null> = {
      [graphNames.losses]: null,
      [graphNames.correct]: null,
    };
    for (const { layer } of statistics) {
      into[graphNames.batchMean(layer)] = null;
      into[graphNames.batchVariance(layer)] = null;
    }
    for (const { name, offset, length } of gradients) {
      const output = graphNames.gradient(name);
      const data = into_SL.subarray(numShards * offset, numShards * (offset + length));
      into[output] = { data, dims: this.#session.outputShape(output) };
    }
    const outputs = await this.#session.run(batch, first, state, { isTraining: true, into });
    for (const [shard, tail] of tails.entries()) {
      const own = this.#tailOf(outputs, shard, batch, first + shard);
      addNodes(tail, tail, own);
    }
  }

  #tailOf(
    outputs: Readonly<Record<string, Float32Array>>,
    shard: number,
    batch: ShardBatch,
    inBatch: number,
  ): Float32Array {
    const { statistics, sumsOffset, tailLength } = this.#layout;
    const tail = new Float32Array(tailLength);
    const count = batch.counts_S[inBatch]!;
    if (statistics.length > 0 && count > 0) {
      for (const { layer, channels, offset } of statistics) {
        const of = (name: string): Float32Array =>
          outputs[name]!.subarray(shard * channels, (shard + 1) * channels);
        tail.set(of(graphNames.batchMean(layer)), offset);
        tail.set(of(graphNames.batchVariance(layer)), offset + channels);
      }
      tail[sumsOffset - 1] = 1;
    }
    tail[sumsOffset] = outputs[graphNames.losses]![shard]!;
    tail[sumsOffset + 1] = batch.weights_S[inBatch]!;
    tail[sumsOffset + 2] = outputs[graphNames.correct]![shard]!;
    tail[sumsOffset + 3] = count;
    return tail;
  }
}
