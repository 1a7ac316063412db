import { stepVectorLength } from '../collective/step-vector.js';
import { addNodes, sumOwned } from '../collective/tree.js';
import type { ParameterEntry, ParameterLayout } from '../models/parameter-layout.js';
import { headLayout } from '../models/head.js';
import { headGraph, headGraphValues, minGraphRows } from '../models/onnx/head-graph.js';
import type { HeadDescription } from '../models/prepared-model.js';
import { assertBatchFits } from './batch-shape.js';
import { mixRows } from './mix-rows.js';
import { OnnxSession, type Provider, type TensorValue } from './onnx-session.js';
import type { PhaseEngine, ShardBatch, TrainingTensors } from './phase-engine.js';

export interface HeadEngineOptions {
  readonly head: HeadDescription;
  /** Of the run's state, which has the head's parameters among others. */
  readonly layout: ParameterLayout;
  /** B: every batch has it. */
  readonly rowsPerShard: number;
  readonly provider: Provider;
}

/**
 * The engine of a phase that trains the classifier alone, in the calling thread: every call blocks it. One intra-op thread, so that the
 * bits cannot depend on how onnxruntime would divide a product between threads. Rejects with FT_ENGINE_UNAVAILABLE.
 */
export async function openHeadEngine(options: HeadEngineOptions): Promise<PhaseEngine> {
  const { head, layout, rowsPerShard, provider } = options;
  const { numFeatures, numClasses } = head;
  const shape = { rowsPerShard, numFeatures, numClasses };
  const vectorLength = stepVectorLength(headLayout(head).length, 0);
  const graphRows = Math.max(rowsPerShard, minGraphRows);
  const weightEntry = entryOf(layout, head.weightName);
  const biasEntry = entryOf(layout, head.biasName);
  const open = (pass: 'gradient' | 'evaluation'): Promise<OnnxSession> =>
    OnnxSession.open(headGraph(head, graphRows, pass), { provider, threads: 1 });
  const gradientSession = await open('gradient');
  const evaluationSession = await open('evaluation').catch(async (error: unknown) => {
    await gradientSession.close();
    throw error;
  });

  const parameter = (parameters: Float32Array, entry: ParameterEntry): TensorValue => {
    const { offset, length, shape } = entry;
    const own = parameters.subarray(offset, offset + length);
    // A large state is in shared memory, which onnxruntime refuses; its classifier is a small part of it.
    const data = own.buffer instanceof SharedArrayBuffer ? own.slice() : own;
    return { data, dims: shape };
  };

  const feeds = (
    batch: ShardBatch,
    features_SBF: Float32Array,
    { parameters }: TrainingTensors,
  ): Record<string, TensorValue> => {
    if (parameters.length !== layout.length) {
      throw new RangeError(`${parameters.length} parameters are not those of the run's state.`);
    }
    const { numShards } = batch;
    const spread = <T extends Float32Array | Int32Array>(values: T, fill: number): T =>
      spreadRows(values, rowsPerShard, numShards, fill);
    const dims = [numShards, graphRows];
    return {
      [headGraphValues.features]: {
        data: spread(features_SBF, 0),
        dims: [...dims, numFeatures],
      },
      [headGraphValues.targets]: {
        data: spread(batch.targets_SBK, 0),
        dims: [...dims, numClasses],
      },
      [headGraphValues.labels]: { data: spread(batch.labels_SB, -1), dims },
      [headGraphValues.weight]: parameter(parameters, weightEntry),
      [headGraphValues.bias]: parameter(parameters, biasEntry),
    };
  };

  // The largest output by far; the next call writes it anew.
  let vectors_SV = new Float32Array(0);
  let further_SV = new Float32Array(0);
  let mixed_SBF = new Float32Array(0);

  const featuresOf = ({ features_SBF, numShards, mix }: ShardBatch): Float32Array => {
    if (mix === null) return features_SBF;
    if (mixed_SBF.length !== features_SBF.length) mixed_SBF = new Float32Array(features_SBF.length);
    mixRows(features_SBF, mix, rowsPerShard, { first: 0, numShards }, mixed_SBF);
    return mixed_SBF;
  };

  const runGradient = async (
    batch: ShardBatch,
    tensors: TrainingTensors,
    into_SV: Float32Array,
  ): Promise<void> => {
    const { numShards } = batch;
    await gradientSession.run(
      {
        ...feeds(batch, featuresOf(batch), tensors),
        [headGraphValues.weights]: { data: batch.weights_S, dims: [numShards, 1] },
        [headGraphValues.counts]: { data: batch.counts_S, dims: [numShards, 1] },
      },
      { [headGraphValues.vectors]: { data: into_SV, dims: [numShards, vectorLength] } },
    );
  };

  return {
    async gradients(batches, { firstShard, numShards, numShardsOfRun }, tensors) {
      for (const batch of batches) assertBatchFits(batch, { ...shape, numShards });
      // A worker that owns no shard still takes part in every round.
      if (numShards === 0) return [];
      const length = numShards * vectorLength;
      if (vectors_SV.length !== length) vectors_SV = new Float32Array(length);
      for (const [i, batch] of batches.entries()) {
        if (i > 0 && further_SV.length !== length) further_SV = new Float32Array(length);
        const vectors = i === 0 ? vectors_SV : further_SV;
        await runGradient(batch, tensors, vectors);
        if (i > 0) addNodes(vectors_SV, vectors_SV, vectors);
      }
      const vectors = Array.from({ length: numShards }, (_, shard) =>
        vectors_SV.subarray(shard * vectorLength, (shard + 1) * vectorLength),
      );
      return sumOwned(firstShard, vectors, numShardsOfRun);
    },
    async evaluate(batch, tensors) {
      assertBatchFits(batch, shape);
      if (batch.numShards === 0) {
        return { losses_S: new Float32Array(0), correct_S: new Float32Array(0) };
      }
      const outputs = await evaluationSession.run(feeds(batch, batch.features_SBF, tensors));
      return {
        losses_S: outputs[headGraphValues.losses]!,
        correct_S: outputs[headGraphValues.correct]!,
      };
    },
    async close() {
      await gradientSession.close();
      await evaluationSession.close();
    },
  };
}

function entryOf(layout: ParameterLayout, wanted: string): ParameterEntry {
  const entry = layout.entries.find(({ name }) => name === wanted);
  if (entry === undefined) throw new Error(`${wanted} is not in the run's state`);
  return entry;
}

/** A batch's values with each shard's rows filled up to what the graph takes; the same array where nothing is to do. */
function spreadRows<T extends Float32Array | Int32Array>(
  values: T,
  rowsPerShard: number,
  numShards: number,
  fill: number,
): T {
  if (rowsPerShard >= minGraphRows) return values;
  const each = values.length / numShards;
  const graphEach = (each / rowsPerShard) * minGraphRows;
  const length = numShards * graphEach;
  const spread = (
    values instanceof Float32Array ? new Float32Array(length) : new Int32Array(length)
  ) as T;
  if (fill !== 0) spread.fill(fill);
  for (let shard = 0; shard < numShards; shard += 1) {
    spread.set(values.subarray(shard * each, (shard + 1) * each), shard * graphEach);
  }
  return spread;
}
