import { headTensors } from '../head.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import { metadataField } from '../onnx/metadata.js';
import { graphField, graphFields } from '../onnx/fields.js';
import { renameValues } from '../onnx/rename-values.js';
import { bytesFields, editMessage, textOf, valuesOf } from '../onnx/wire.js';
import type { HeadDescription } from '../prepared-model.js';
import { FormatError } from '../weights/format-error.js';
import { type ExternalData, ExternalValues } from '../weights/external-values.js';
import { MemoryBudget } from '../weights/memory-budget.js';
import { maxWeightsBytes } from '../weights/weights-file.js';

const isOurs = (key: string): boolean => key.startsWith('ftctl.');
/** What the values of a user's graph are called in ours, so that none is called like one of ours. */
const prefixed = (name: string): string => `backbone/${name}`;

/**
 * A model with the nodes, constants, inputs and outputs of another one behind its own, whose outputs are left out.
 * `editGraph` is done to its graph before.
 */
function append(
  model: Uint8Array,
  tail: Uint8Array,
  editGraph: (graph: Uint8Array) => Uint8Array = (graph) => graph,
): Uint8Array {
  const [tailGraph] = valuesOf(tail, graphField);
  const moved: readonly number[] = [
    ...[graphFields.node, graphFields.initializer, graphFields.input, graphFields.output],
  ];
  const added = bytesFields(tailGraph!).filter(({ id }) => moved.includes(id));
  const metadata = bytesFields(tail).filter(({ id }) => id === metadataField);
  return editMessage(
    model,
    ({ id, value }) => {
      if (id === metadataField) return isOurs(textOf(value, 1)) ? null : undefined;
      if (id !== graphField) return undefined;
      return editMessage(
        editGraph(value),
        (field) => (field.id === graphFields.output ? null : undefined),
        added,
      );
    },
    metadata,
  );
}

export interface BackboneNames {
  /** The user's names. */
  readonly input: string;
  readonly output: string;
}

/**
 * A user's graph in the form that every backbone has here: `images` [N, 3, S, S] -> `features` [N, F], with all values in the one
 * file. The rest of it (functions, domains, later versions' fields) stays as it is. Throws FormatError.
 */
export function backboneGraph(
  model: Uint8Array,
  names: BackboneNames,
  options: {
    readonly imageSize: number;
    /** A name where it is not known yet. */
    readonly numFeatures: number | string;
    readonly external: ExternalData;
  },
): Uint8Array {
  const { imageSize, numFeatures } = options;
  const budget = new MemoryBudget(model.length, maxWeightsBytes);
  const external = new ExternalValues(options.external, budget);
  if (valuesOf(model, graphField).length !== 1) throw new FormatError('it has no single graph');
  const rename = (name: string): string => (name === names.input ? 'images' : prefixed(name));
  const tail = new GraphBuilder('features');
  tail.input('images', 'float', ['N', 3, imageSize, imageSize]);
  tail.node('Flatten', 'features', [rename(names.output)], { axis: 1 });
  tail.output('features', 'float', ['N', numFeatures]);
  return append(model, tail.build(), (graph) =>
    editMessage(renameValues(graph, { rename, external }), ({ id, value }) =>
      id === graphFields.input && textOf(value, 1) === 'images' ? null : undefined,
    ),
  );
}

/** The whole network of a {@link backboneGraph} and a trained head: `images` [N, 3, S, S] -> `logits` [N, K]. */
export function trainedGraph(
  backbone: Uint8Array,
  head: HeadDescription,
  parameters: Float32Array,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  if (head.kind !== 'linear') throw new Error(`an ONNX backbone with a head ${head.kind}`);
  const { weightName, biasName, numClasses: K } = head;
  const tail = new GraphBuilder('head');
  for (const [name, { shape, data }] of headTensors(head, parameters)) {
    tail.constant(name, shape, data);
  }
  tail.node('Gemm', 'logits', ['features', weightName, biasName], { transB: 1 });
  tail.output('logits', 'float', ['N', K]);
  return append(backbone, tail.build(metadata));
}
