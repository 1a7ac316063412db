import { FormatError } from '../weights/format-error.js';
import { readTensorHeader, tensorFields } from '../weights/onnx-tensor.js';
import {
  attributeFields,
  graphField,
  graphFields,
  nodeFields,
  sparseTensorFields,
} from './fields.js';
import { eachField } from './wire.js';

/** Graphs in graphs: protobuf itself reads messages no deeper than 100. */
const maxDepth = 32;

/** A model that names more files than this was not exported by anything. */
const maxLocations = 10_000;

function addOfTensor(tensor: Uint8Array, locations: Set<string>): void {
  let isExternal = false;
  for (const { id } of eachField(tensor)) isExternal ||= id === tensorFields.externalData;
  const location = isExternal ? readTensorHeader(tensor).external?.location : undefined;
  if (location !== undefined) locations.add(location);
  if (locations.size > maxLocations) throw new FormatError(`it names over ${maxLocations} files`);
}

function addOfNode(node: Uint8Array, locations: Set<string>, depth: number): void {
  for (const attribute of eachField(node)) {
    if (attribute.id !== nodeFields.attribute) continue;
    for (const { id, value } of eachField(attribute.value)) {
      if (id === attributeFields.tensor || id === attributeFields.tensors) {
        addOfTensor(value, locations);
      } else if (id === attributeFields.graph || id === attributeFields.graphs) {
        addOfGraph(value, locations, depth + 1);
      }
    }
  }
}

function addOfGraph(graph: Uint8Array, locations: Set<string>, depth: number): void {
  if (depth > maxDepth) throw new FormatError('its graphs are nested too deep');
  for (const { id, value } of eachField(graph)) {
    if (id === graphFields.node) addOfNode(value, locations, depth);
    else if (id === graphFields.initializer) addOfTensor(value, locations);
    else if (id === graphFields.sparseInitializer) {
      for (const field of eachField(value)) {
        const { values, indices } = sparseTensorFields;
        if (field.id === values || field.id === indices) addOfTensor(field.value, locations);
      }
    }
  }
}

/** The files that an ONNX model says its tensors' values are in, in the order in which it names them. Throws FormatError. */
export function externalLocations(model: Uint8Array): string[] {
  const locations = new Set<string>();
  try {
    for (const { id, value } of eachField(model)) {
      if (id === graphField) addOfGraph(value, locations, 0);
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    // protobufjs throws RangeError beyond the end, and Error for a wire type that there is not.
    throw new FormatError('it is no intact ONNX file', { cause: error });
  }
  return [...locations];
}
