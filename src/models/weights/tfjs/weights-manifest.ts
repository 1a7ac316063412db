import { z } from 'zod';
import { numElements } from '../../tensor-specs.js';

/**
 * The manifest of weights of a tfjs model: files whose bytes, one file after the other, are the weights in their order, as
 * float32, plain or quantised: value = code * scale + min.
 */

const weightSchema = z.looseObject({
  name: z.string(),
  shape: z
    .array(
      z
        .number()
        .int()
        .nonnegative()
        .max(2 ** 31),
    )
    .max(8),
  dtype: z.literal('float32'),
  quantization: z
    .looseObject({ min: z.number(), scale: z.number(), dtype: z.enum(['uint8', 'uint16']) })
    .optional(),
});
export const weightsManifestSchema = z.array(
  z.looseObject({ paths: z.array(z.string()), weights: z.array(weightSchema) }),
);

/** Dequantised, in TensorFlow's layout. */
export interface TfjsWeight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

type WeightEntry = z.infer<typeof weightSchema>;

function bytesPerElementOf({ quantization }: WeightEntry): 1 | 2 | 4 {
  return quantization === undefined ? 4 : quantization.dtype === 'uint8' ? 1 : 2;
}

function dequantise(entry: WeightEntry, bytes: Uint8Array, offset: number) {
  const length = numElements(entry.shape);
  const { quantization } = entry;
  const bytesPerElement = bytesPerElementOf(entry);
  const end = offset + length * bytesPerElement;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const at = offset + i * bytesPerElement;
    if (quantization === undefined) data[i] = view.getFloat32(at, true);
    else {
      const code = bytesPerElement === 1 ? view.getUint8(at) : view.getUint16(at, true);
      data[i] = code * quantization.scale + quantization.min;
    }
  }
  return { data, end };
}

/** The weights of a manifest by name; `shardBytes` gives a file by its path. Throws an Error that says what is wrong. */
export function readWeightsManifest(
  manifest: z.infer<typeof weightsManifestSchema>,
  shardBytes: (path: string) => Uint8Array,
): Map<string, TfjsWeight> {
  const weights = new Map<string, TfjsWeight>();
  for (const { paths, weights: entries } of manifest) {
    if (new Set(paths).size < paths.length) throw new Error('a file is named twice');
    const shards = paths.map(shardBytes);
    const numBytes = shards.reduce((sum, { length }) => sum + length, 0);
    const needed = entries.reduce(
      (sum, entry) => sum + numElements(entry.shape) * bytesPerElementOf(entry),
      0,
    );
    if (needed !== numBytes) {
      throw new Error(`its weights take ${needed} bytes and its files have ${numBytes}`);
    }
    const bytes = Buffer.concat(shards, numBytes);
    let offset = 0;
    for (const entry of entries) {
      const { data, end } = dequantise(entry, bytes, offset);
      if (weights.has(entry.name)) throw new Error(`two weights are called ${entry.name}`);
      weights.set(entry.name, { shape: entry.shape, data });
      offset = end;
    }
  }
  return weights;
}
