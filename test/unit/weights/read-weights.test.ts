import { describe, expect, test } from 'vitest';
import { decodeWeights } from '../../../src/models/weights/read-weights.js';
import { encodePth } from '../../../src/models/weights/pth/write-pth.js';
import { encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import { seedFiles } from '../../support/weights/seed-files.js';

const tensors = new Map([['a', { shape: [2], data: Float32Array.of(1, 2) }]]);

describe('a file of weights', () => {
  test('is told by its contents, whatever it is called', () => {
    expect(decodeWeights(encodePth(tensors), 'w.safetensors').format).toBe('pth');
    expect(decodeWeights(encodeSafetensors(tensors), 'w.pth').format).toBe('safetensors');
    const onnx = seedFiles().at(-1)!;
    const { format, tensors: read, types } = decodeWeights(onnx, 'w.bin');
    expect(format).toBe('onnx');
    expect([...read.keys()]).toEqual([
      'features.denseblock1.denselayer1.norm1.weight',
      'bn.num_batches_tracked',
      'fc.weight',
    ]);
    expect(types.get('bn.num_batches_tracked')).toBe('int64');
  });

  const tar = Buffer.alloc(512);
  tar.write('ustar', 257);
  const unknown: [string, Buffer, string][] = [
    ['nothing', Buffer.alloc(0), 'It is empty.'],
    [
      'HDF5',
      Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'),
      'It is an HDF5 file, as Keras writes. Convert it with tensorflowjs_converter and name its model.json.',
    ],
    [
      'tar',
      tar,
      'It is a tar file, as PyTorch before 0.2 wrote. Load it in Python and save the state dict again.',
    ],
    [
      'a pickle',
      Buffer.from('\x80\x04]\x94.', 'latin1'),
      'It is a plain pickle. Load it in Python and save the tensors with torch.save or safetensors.',
    ],
    [
      'a web page',
      Buffer.from('<!DOCTYPE html><html>'),
      'It is a web page: the download gave something else than the file.',
    ],
    [
      'text',
      Buffer.from('hello, world'),
      'ftctl reads safetensors, .pth and .pt (torch.save), .onnx, and the model.json of tfjs.',
    ],
  ];
  test.each(unknown)('that holds %s is refused, and says what it is', (_what, bytes, why) => {
    expect(() => decodeWeights(bytes, 'w')).toThrow(
      expect.objectContaining({
        code: 'FT_WEIGHTS_FORMAT',
        message: `w is no file of weights that ftctl reads. ${why}`,
      }),
    );
  });
});
