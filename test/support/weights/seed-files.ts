import { readdirSync, readFileSync } from 'node:fs';
import { encodeOnnx, onnxTypes } from '../../../src/models/onnx/schema.js';
import { onnxOf } from './onnx-bytes.js';
import { encodePth } from '../../../src/models/weights/pth/write-pth.js';
import { encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import { preprocessingKey } from '../../../src/models/weights/saved-normalisation.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';

/** The file beside the ONNX seeds that have their values in one, and what it holds. */
export const externalFile = { name: 'w.bin', bytes: new Uint8Array(4096).fill(1) };

const folder = new URL('../../unit/weights/files/', import.meta.url);

/** Metadata of a network that has none of torchvision's conventions, and of how its images are prepared. */
const ownMetadata = {
  'ftctl.network': JSON.stringify({
    ...{ architecture: 'mobilenet_v2', width: 1.4, convention: 'tensorflow' },
    ...{ batchNorm: 'folded', inputAffine: { scale: [2, 2, 2], shift: [-1, -1, -1] } },
  }),
  [preprocessingKey]: JSON.stringify({ mean: [0, 0, 0], std: [1, 1, 1] }),
};

/** ONNX with values in all places where they may be. */
function onnxFiles(): Buffer[] {
  const floats = { name: 'f', dims: [2, 2], type: 1, floats: [1, 2, 3, 4] };
  const int64s = { name: 'i', dims: [3], type: 7, int64s: [-1, 0, 2 ** 40] };
  const external = [0, 1, 2].map((i) => ({
    ...{ name: `e${i}`, dims: [32, 32], type: 1 },
    external:
      i === 0
        ? { location: externalFile.name }
        : { location: externalFile.name, offset: '0', length: '4096' },
  }));
  return [
    onnxOf([floats, int64s]),
    onnxOf([
      { ...floats, isPacked: false },
      { ...int64s, isPacked: false },
    ]),
    onnxOf(external),
  ];
}

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
    encodeSafetensors(tensors, ownMetadata),
    ...onnxFiles(),
    Buffer.from(onnx),
  ];
}
