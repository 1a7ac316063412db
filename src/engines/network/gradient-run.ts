import { addNodes, sumOwned } from '../../collective/tree.js';
import type { TensorValue } from '../onnx-session.js';
import type { ShardBatch } from '../phase-engine.js';
import { graphNames } from './graph-names.js';
import type { GraphSession } from './graph-session.js';
import type { StepLayout } from './step-layout.js';
import { sumShards } from './sum-shards.js';

type State = Readonly<Record<string, TensorValue>>;

/** A parameter's gradient as the graph gives it. */
interface GradientOutput {
  readonly output: string;
  readonly dims: readonly number[];
  /** In the step vector. */
  readonly offset: number;
  readonly length: number;
  /** Where it lies in the memory of what is given for each shard; undefined where it is given as the vector has it. */
  readonly spreadOffset: number | undefined;
}

/** Memory of one batch's gradients. */
interface GradientMemory {
  /** [length] each, at their places in the step vector. */
  readonly whole: Float32Array;
  /** [S, length] each, one after the other, which every run writes anew. */
  readonly spread: Float32Array;
}

/** A gradient graph of S shards, and the step vectors' sum over them. S is 1, 2, 4 or 8. */
export class GradientRun {
  readonly #session: GraphSession;
  readonly #layout: StepLayout;
  readonly #outputs: readonly GradientOutput[];
  readonly #numSpread: number;
  #spread: Float32Array | undefined;
  /** Of the batches after the first. */
  #further: GradientMemory | undefined;

  constructor(session: GraphSession, layout: StepLayout) {
    this.#session = session;
    this.#layout = layout;
    let numSpread = 0;
    this.#outputs = layout.gradients.map(({ name, offset, length }): GradientOutput => {
      const output = graphNames.gradient(name);
      const dims = session.outputShape(output);
      const given = dims.reduce((product, side) => product * side, 1);
      if (given === length) return { output, dims, offset, length, spreadOffset: undefined };
      const spreadOffset = numSpread;
      numSpread += given;
      return { output, dims, offset, length, spreadOffset };
    });
    this.#numSpread = numSpread;
  }

  /**
   * Shards [first, first + S) of the batches: the sum of their step vectors, written into `vector`. A graph that gives sums over shards
   * takes one batch.
   */
  async sum(
    batches: readonly ShardBatch[],
    first: number,
    state: State,
    vector: Float32Array,
  ): Promise<void> {
    const { numShards } = this.#session;
    const { numGradients, tailLength } = this.#layout;
    const givesSums =
      numShards > 1 && this.#outputs.some(({ spreadOffset }) => spreadOffset === undefined);
    if (givesSums && batches.length > 1) throw new Error('batches are added up before shards are');
    const memory: GradientMemory = {
      whole: vector.subarray(0, numGradients),
      spread: (this.#spread ??= new Float32Array(this.#numSpread)),
    };
    const tails = Array.from({ length: numShards }, () => new Float32Array(tailLength));
    for (const [i, batch] of batches.entries()) {
      if (i === 0) {
        await this.#run(batch, first, state, memory, tails);
        continue;
      }
      this.#further ??= {
        whole: new Float32Array(numShards === 1 ? numGradients : 0),
        spread: new Float32Array(this.#numSpread),
      };
      await this.#run(batch, first, state, this.#further, tails);
      if (numShards === 1) addNodes(memory.whole, memory.whole, this.#further.whole);
      else addNodes(memory.spread, memory.spread, this.#further.spread);
    }
    for (const { offset, length, spreadOffset } of this.#outputs) {
      if (spreadOffset === undefined) continue;
      const ofShards = memory.spread.subarray(spreadOffset, spreadOffset + numShards * length);
      sumShards(ofShards, numShards, vector.subarray(offset, offset + length));
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
    { whole, spread }: GradientMemory,
    tails: readonly Float32Array[],
  ): Promise<void> {
    const { numShards } = this.#session;
    const { statistics } = this.#layout;
    const into: Record<string, TensorValue | null> = {
      [graphNames.losses]: null,
      [graphNames.correct]: null,
    };
    for (const { layer } of statistics) {
      into[graphNames.batchMean(layer)] = null;
      into[graphNames.batchVariance(layer)] = null;
    }
    for (const { output, dims, offset, length, spreadOffset } of this.#outputs) {
      const data =
        spreadOffset === undefined
          ? whole.subarray(offset, offset + length)
          : spread.subarray(spreadOffset, spreadOffset + numShards * length);
      into[output] = { data, dims };
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
