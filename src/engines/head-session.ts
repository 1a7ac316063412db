import { headLayout } from '../models/head.js';
import {
  headGraphNames,
  headTrainingGraph,
  minRowsPerShard,
} from '../models/onnx/head-training-graph.js';
import type { HeadDescription } from '../models/prepared-model.js';
import type { GradientEngine, ShardBatch, ShardGradients, ShardSums } from './gradient-engine.js';
import { OnnxSession, type Provider, type TensorValue } from './onnx-session.js';

export interface HeadSessionOptions {
  readonly head: HeadDescription;
  /** B: every batch has it. */
  readonly rowsPerShard: number;
  readonly provider: Provider;
}

/** Rows of `rowLength` values, `from` of each shard, spread out to `to` of each shard; what is added is zero. */
function padRows<T extends Float32Array | Int32Array>(
  values: T,
  padded: T,
  from: number,
  to: number,
  rowLength: number,
): T {
  const shardLength = from * rowLength;
  for (let start = 0, shard = 0; start < values.length; start += shardLength, shard++) {
    padded.set(values.subarray(start, start + shardLength), shard * to * rowLength);
  }
  return padded;
}

/** A batch with its rows padded to what the graph takes (head-training-graph.ts); the same batch where nothing is to do. */
function padBatch(batch: ShardBatch, numFeatures: number): ShardBatch {
  const { numShards, rowsPerShard } = batch;
  if (rowsPerShard >= minRowsPerShard) return batch;
  const rows = numShards * minRowsPerShard;
  const pad = <T extends Float32Array | Int32Array>(values: T, padded: T, rowLength: number): T =>
    padRows(values, padded, rowsPerShard, minRowsPerShard, rowLength);
  return {
    numShards,
    rowsPerShard: minRowsPerShard,
    features_SBF: pad(batch.features_SBF, new Float32Array(rows * numFeatures), numFeatures),
    labels_SB: pad(batch.labels_SB, new Int32Array(rows), 1),
    rowWeights_SB: pad(batch.rowWeights_SB, new Float32Array(rows), 1),
  };
}

/**
 * The head's gradient engine in the calling thread: every call blocks it. One intra-op thread, so that the bits cannot depend on
 * how onnxruntime would divide a product between threads. Rejects with FT_ENGINE_UNAVAILABLE.
 */
export async function openHeadSession(options: HeadSessionOptions): Promise<GradientEngine> {
  const { head, rowsPerShard, provider } = options;
  const { numFeatures, numClasses } = head;
  const layout = headLayout(head);
  const graphRows = Math.max(rowsPerShard, minRowsPerShard);
  const open = (withGradient: boolean): Promise<OnnxSession> =>
    OnnxSession.open(headTrainingGraph(head, graphRows, withGradient), { provider, threads: 1 });
  const gradientSession = await open(true);
  const evaluationSession = await open(false).catch(async (error: unknown) => {
    await gradientSession.close();
    throw error;
  });

  const parameter = (parameters_P: Float32Array, wanted: string): TensorValue => {
    const { offset, length, shape } = layout.entries.find(({ name }) => name === wanted)!;
    return { data: parameters_P.subarray(offset, offset + length), dims: shape };
  };

  const feeds = (batch: ShardBatch, parameters_P: Float32Array): Record<string, TensorValue> => {
    const rows = batch.numShards * batch.rowsPerShard;
    if (
      batch.rowsPerShard !== rowsPerShard ||
      batch.features_SBF.length !== rows * numFeatures ||
      batch.labels_SB.length !== rows ||
      batch.rowWeights_SB.length !== rows ||
      parameters_P.length !== layout.length
    ) {
      throw new Error(
        `a batch of ${batch.numShards} x ${batch.rowsPerShard} rows does not fit an engine of ${rowsPerShard} rows, ${numFeatures} features and ${numClasses} classes`,
      );
    }
    const padded = padBatch(batch, numFeatures);
    const dims = [padded.numShards, padded.rowsPerShard];
    return {
      [headGraphNames.features]: { data: padded.features_SBF, dims: [...dims, numFeatures] },
      [headGraphNames.labels]: { data: padded.labels_SB, dims },
      [headGraphNames.rowWeights]: { data: padded.rowWeights_SB, dims },
      [headGraphNames.weight]: parameter(parameters_P, head.weightName),
      [headGraphNames.bias]: parameter(parameters_P, head.biasName),
    };
  };

  // The largest output by far; the next call writes it anew.
  let gradients_SP = new Float32Array(0);

  return {
    async gradients(batch, parameters_P): Promise<ShardGradients> {
      const inputs = feeds(batch, parameters_P);
      if (batch.numShards === 0) {
        return { ...noSums(), gradients_SP: new Float32Array(0) };
      }
      const numGradients = batch.numShards * layout.length;
      if (gradients_SP.length !== numGradients) gradients_SP = new Float32Array(numGradients);
      const outputs = await gradientSession.run(inputs, {
        [headGraphNames.gradients]: { data: gradients_SP, dims: [batch.numShards, layout.length] },
        [headGraphNames.losses]: null,
        [headGraphNames.correct]: null,
      });
      return { ...sums(outputs), gradients_SP };
    },
    async evaluate(batch, parameters_P): Promise<ShardSums> {
      const inputs = feeds(batch, parameters_P);
      return batch.numShards === 0 ? noSums() : sums(await evaluationSession.run(inputs));
    },
    async close() {
      await gradientSession.close();
      await evaluationSession.close();
    },
  };
}

function sums(outputs: Readonly<Record<string, Float32Array>>): ShardSums {
  return {
    losses_S: outputs[headGraphNames.losses]!,
    correct_S: outputs[headGraphNames.correct]!,
  };
}

/** A worker that owns no shard still takes part in every round. */
function noSums(): ShardSums {
  return { losses_S: new Float32Array(0), correct_S: new Float32Array(0) };
}
