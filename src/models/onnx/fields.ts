/** Field numbers of onnx.proto that are looked for, or edited. */

/** ModelProto.graph */
export const graphField = 7;
export const graphFields = {
  node: 1,
  initializer: 5,
  input: 11,
  output: 12,
  valueInfo: 13,
  quantizationAnnotation: 14,
  sparseInitializer: 15,
} as const;
export const nodeFields = { input: 1, output: 2, name: 3, attribute: 5 } as const;
export const attributeFields = { tensor: 5, graph: 6, tensors: 10, graphs: 11 } as const;
export const sparseTensorFields = { values: 1, indices: 2 } as const;
