import { tensorBytes, type ExternalData } from '../weights/onnx-initializers.js';
import { editMessage } from './wire.js';

/** Field numbers of onnx.proto that are edited here. */
export const graphFields = {
  node: 1,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  quantizationAnnotation: 14,
  sparseInitializer: 15,
} as const;
const nodeFields = { input: 1, output: 2, name: 3, attribute: 5 } as const;
const attributeFields = { tensor: 5, graph: 6, tensors: 10, graphs: 11 } as const;
const tensorFields = { name: 8, rawData: 9, externalData: 13, dataLocation: 14 } as const;
const valueInfoName = 1;
const sparseTensorValues = 1;

export interface RenameOptions {
  /** The new name of a value or node. */
  readonly rename: (name: string) => string;
  /** Bytes of the files beside the model: values that lie there are put into the graph. */
  readonly external: ExternalData;
}

function renamed(value: Uint8Array, { rename }: RenameOptions): Uint8Array {
  // An optional input that is left out has no name, and keeps none.
  if (value.length === 0) return value;
  return Buffer.from(rename(Buffer.from(value).toString('utf8')));
}

function renameTensor(tensor: Uint8Array, options: RenameOptions): Uint8Array {
  return inlineTensor(
    editMessage(tensor, ({ id, value }) =>
      id === tensorFields.name ? renamed(value, options) : undefined,
    ),
    options,
  );
}

/** A tensor whose values are in it. */
function inlineTensor(tensor: Uint8Array, { external }: RenameOptions): Uint8Array {
  const bytes = tensorBytes(tensor, external);
  if (bytes === undefined) return tensor;
  const added = [{ id: tensorFields.rawData, value: bytes }];
  const isExternal = (id: number): boolean => id === tensorFields.externalData;
  // The location is a number, and 0 is the one inside of the model: a later value counts.
  const here = Uint8Array.of(tensorFields.dataLocation << 3, 0);
  return Buffer.concat([
    editMessage(tensor, ({ id }) => (isExternal(id) ? null : undefined), added),
    here,
  ]);
}

function renameAttribute(attribute: Uint8Array, options: RenameOptions): Uint8Array {
  return editMessage(attribute, ({ id, value }) => {
    if (id === attributeFields.graph || id === attributeFields.graphs) {
      return renameValues(value, options);
    }
    const isTensor = id === attributeFields.tensor || id === attributeFields.tensors;
    return isTensor ? inlineTensor(value, options) : undefined;
  });
}

function renameNode(node: Uint8Array, options: RenameOptions): Uint8Array {
  return editMessage(node, ({ id, value }) => {
    if (id === nodeFields.attribute) return renameAttribute(value, options);
    const isName = id === nodeFields.input || id === nodeFields.output || id === nodeFields.name;
    return isName ? renamed(value, options) : undefined;
  });
}

/**
 * A graph whose values and nodes all have other names, also in the graphs inside of its nodes, so that nodes can be added to it without regard
 * to what it calls its own. What a graph says of the shapes in between is left out: onnxruntime infers them. Throws FormatError.
 */
export function renameValues(graph: Uint8Array, options: RenameOptions): Uint8Array {
  return editMessage(graph, ({ id, value }) => {
    switch (id) {
      case graphFields.node:
        return renameNode(value, options);
      case graphFields.initializer:
        return renameTensor(value, options);
      case graphFields.sparseInitializer:
        return editMessage(value, (field) =>
          field.id === sparseTensorValues ? renameTensor(field.value, options) : undefined,
        );
      case graphFields.input:
      case graphFields.output:
        return editMessage(value, (field) =>
          field.id === valueInfoName ? renamed(field.value, options) : undefined,
        );
      case graphFields.valueInfo:
      case graphFields.quantizationAnnotation:
        return null;
      default:
        return undefined;
    }
  });
}
