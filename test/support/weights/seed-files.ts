import { readdirSync, readFileSync } from 'node:fs';
import { encodeOnnx, onnxTypes } from '../../../src/models/onnx/schema.js';
import { encodePth } from '../../../src/models/weights/pth/write-pth.js';
import { encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';

const folder = new URL('../../unit/weights/files/', import.meta.url);

/** Intact files of weights in every format: what PyTorch wrote, and what we write. */
export function seedFiles(): Buffer[] {
  const tensors = new Map<string, StoredTensor>([
    [
      'module.features.denseblock1.denselayer1.norm.1.weight',
      { shape: [2], data: Float32Array.of(1, 2) },
    ],
    ['module.bn.num_batches_tracked', { shape: [], data: BigInt64Array.of(3n) }],
    ['module.fc.weight', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ]);
  const initializer = [...tensors].map(([name, { shape, data }]) => ({
    name,
    dims: shape,
    dataType: data instanceof Float32Array ? onnxTypes.float : onnxTypes.int64,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));
  const onnx = encodeOnnx({
    irVersion: 8,
    producerName: 'test',
    opsetImport: [{ domain: '', version: 17 }],
    graph: { name: 'g', node: [], initializer, input: [], output: [] },
    metadataProps: [{ key: 'a', value: 'b' }],
  });
  return [
    ...readdirSync(folder)
      .filter((name) => name.endsWith('.pth'))
      .sort()
      .map((name) => readFileSync(new URL(name, folder))),
    Buffer.from(encodePth(tensors)),
    encodeSafetensors(tensors, { format: 'pt' }),
    Buffer.from(onnx),
  ];
}
