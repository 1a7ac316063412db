import { textOf, valuesOf } from './wire.js';

/** ModelProto.metadata_props. */
export const metadataField = 14;

/** The metadata of an ONNX file. Throws FormatError. */
export function onnxMetadata(model: Uint8Array): Map<string, string> {
  return new Map(
    valuesOf(model, metadataField).map((entry) => [textOf(entry, 1), textOf(entry, 2)] as const),
  );
}
