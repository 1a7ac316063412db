import type { Network } from '../../models/network.js';
import { OnnxSession, type Provider, type TensorValue } from '../onnx-session.js';
import type { ShardBatch } from '../phase-engine.js';
import { graphNames } from './graph-names.js';
import { RowInputs, type DropoutOf, type RowSizes } from './row-inputs.js';

/** A training graph of a fixed number of shards, loaded, with the memory of its inputs. */
export class GraphSession {
  readonly numShards: number;
  readonly #session: OnnxSession;
  readonly #rows: RowInputs;
  readonly #inputs: ReadonlySet<string>;

  private constructor(numShards: number, session: OnnxSession, rows: RowInputs) {
    this.numShards = numShards;
    this.#session = session;
    this.#rows = rows;
    this.#inputs = new Set(session.inputs.map(({ name }) => name));
  }

  /** Rejects with FT_ENGINE_UNAVAILABLE or FT_ENGINE_MODEL. */
  static async open(
    graph: Uint8Array,
    network: Pick<Network, 'layers'>,
    sizes: RowSizes,
    provider: Provider,
  ): Promise<GraphSession> {
    // One intra-op thread: the bits cannot depend on how onnxruntime would divide a product between threads.
    const session = await OnnxSession.open(graph, { provider, threads: 1 });
    const dropouts = network.layers.flatMap((layer): DropoutOf[] => {
      if (layer.kind !== 'dropout') return [];
      const shape = session.shapeOf(graphNames.dropout(layer.name));
      if (shape === undefined) return [];
      const dims = shape.map(Number);
      const rowLength = dims.slice(1).reduce((product, side) => product * side, 1);
      return [{ layer: layer.name, probability: layer.probability, rowLength, dims }];
    });
    const hasRowMask = session.shapeOf(graphNames.rowMask) !== undefined;
    return new GraphSession(sizes.numShards, session, new RowInputs(sizes, hasRowMask, dropouts));
  }

  /** The fixed shape of an output. */
  outputShape(name: string): readonly number[] {
    const shape = this.#session.shapeOf(name);
    if (shape === undefined) throw new Error(`the graph has no output ${name}`);
    return shape.map(Number);
  }

  /** Shards [first, first + S) of a batch, padding after its end. `state`: tensors by name, of which the graph takes its own. */
  run(
    batch: ShardBatch,
    first: number,
    state: Readonly<Record<string, TensorValue>>,
    o: {
      readonly isTraining: boolean;
      readonly into?: Readonly<Record<string, TensorValue | null>>;
    },
  ): Promise<Record<string, Float32Array>> {
    const feeds = this.#rows.of(batch, first, o.isTraining);
    for (const [name, value] of Object.entries(state)) {
      if (this.#inputs.has(name)) feeds[name] = value;
    }
    return this.#session.run(feeds, o.into);
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
