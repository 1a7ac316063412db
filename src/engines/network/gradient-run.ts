import { sumOwned } from '../../collective/tree.js';
import type { TensorValue } from '../onnx-session.js';
import type { ShardBatch } from '../phase-engine.js';
import { graphNames } from './graph-names.js';
import type { GraphSession } from './graph-session.js';
import type { StepLayout } from './step-layout.js';
import { sumShards } from './sum-shards.js';

/** A gradient graph of S shards, and the step vectors' sum over them. S is 1, 2, 4 or 8. */
export class GradientRun {
  readonly #session: GraphSession;
  readonly #layout: StepLayout;
  /** [S, length] for each parameter, in one piece of memory that every run writes anew; none for a single shard. */
  readonly #gradients: readonly Float32Array[];

  constructor(session: GraphSession, layout: StepLayout) {
    this.#session = session;
    this.#layout = layout;
    const { numShards } = session;
    const memory = new Float32Array(numShards === 1 ? 0 : numShards * layout.numGradients);
    this.#gradients =
      numShards === 1
        ? []
        : layout.gradients.map(({ offset, length }) =>
            memory.subarray(numShards * offset, numShards * (offset + length)),
          );
  }

  get numShards(): number {
    return this.#session.numShards;
  }

  /** Shards [first, first + S) of a batch: the sum of their step vectors, written into `vector`. */
  async add(
    batch: ShardBatch,
    first: number,
    state: Readonly<Record<string, TensorValue>>,
    vector: Float32Array,
  ): Promise<void> {
    const { gradients, numGradients } = this.#layout;
    // One shard's gradients are written where they belong.
    const gradientOf = (i: number, offset: number, length: number): Float32Array =>
      this.#gradients[i] ?? vector.subarray(offset, offset + length);
    const into: Record<string, TensorValue | null> = this.#smallOutputs();
    for (const [i, { name, offset, length }] of gradients.entries()) {
      const output = graphNames.gradient(name);
      into[output] = {
        data: gradientOf(i, offset, length),
        dims: this.#session.outputShape(output),
      };
    }
    const outputs = await this.#session.run(batch, first, state, { isTraining: true, into });
    for (const [i, { offset, length }] of gradients.entries()) {
      const ofShards = this.#gradients[i];
      if (ofShards !== undefined) {
        sumShards(ofShards, this.numShards, vector.subarray(offset, offset + length));
      }
    }
    const tails = Array.from({ length: this.numShards }, (_, shard) =>
      this.#tailOf(outputs, shard, batch, first + shard),
    );
    vector.set(sumOwned(0, tails, this.numShards)[0]!.values, numGradients);
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #smallOutputs(): Record<string, null> {
    const names: string[] = [graphNames.losses, graphNames.correct];
    for (const { layer } of this.#layout.statistics) {
      names.push(graphNames.batchMean(layer), graphNames.batchVariance(layer));
    }
    return Object.fromEntries(names.map((name) => [name, null]));
  }

  /** What comes after the gradients in a shard's step vector. */
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
