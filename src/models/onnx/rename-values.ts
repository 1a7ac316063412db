import type { ExternalValues } from '../weights/external-values.js';
import { readTensorHeader, tensorFields } from '../weights/onnx-tensor.js';
import { attributeFields, graphFields, nodeFields, sparseTensorFields } from './fields.js';
import { editMessage } from './wire.js';

const valueInfoName = 1;

export interface RenameOptions {
  /** The new name of a value or node. */
  readonly rename: (name: string) => string;
  /** Values that lie in files beside the model are put into the graph. */
  readonly external: ExternalValues;
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
  const { name, external: place } = readTensorHeader(tensor);
  if (place === undefined) return tensor;
  const bytes = external.bytesOf(name, place);
  external.charge(bytes.length);
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
        return editMessage(value, (field) => {
          if (field.id === sparseTensorFields.values) return renameTensor(field.value, options);
          const isIndices = field.id === sparseTensorFields.indices;
          return isIndices ? inlineTensor(field.value, options) : undefined;
        });
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
