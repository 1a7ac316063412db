import { bytesFields, textOf } from './wire.js';

/** ModelProto.metadata_props. */
export const metadataField = 14;

/** The metadata of an ONNX file. Throws FormatError. */
export function onnxMetadata(model: Uint8Array): Map<string, string> {
  return new Map(
    bytesFields(model).flatMap(({ id, value }) =>
      id === metadataField ? [[textOf(value, 1), textOf(value, 2)] as const] : [],
    ),
  );
}
