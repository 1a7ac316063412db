import { expect, test } from 'vitest';
import { backboneGraph } from '../../../src/models/backbone/join-graphs.js';
import { externalLocations } from '../../../src/models/onnx/external-locations.js';
import { FormatError } from '../../../src/models/weights/format-error.js';
import { readOnnxInitializers } from '../../../src/models/weights/onnx-initializers.js';
import { field, onnxOf, tensorBytes } from '../../support/weights/onnx-bytes.js';

const float = 1;
const int64 = 7;
const mib = 1024 * 1024;

test.each([true, false])('numbers in fields of their own are read, packed: %s', (isPacked) => {
  const floats = [0.5, -1, 3e38];
  const int64s = [-1, 0, 2 ** 40];
  const { tensors, types } = readOnnxInitializers(
    onnxOf([
      { name: 'f', dims: [3, 1], type: float, floats, isPacked },
      { name: 'i', dims: [3], type: int64, int64s, isPacked },
    ]),
  );
  expect(tensors.get('f')).toEqual({ shape: [3, 1], data: Float32Array.from(floats) });
  expect(tensors.get('i')).toEqual({ shape: [3], data: BigInt64Array.of(-1n, 0n, 2n ** 40n) });
  expect([...types.values()]).toEqual(['float32', 'int64']);
});

test('far more numbers than the shape has are refused, and take no memory', () => {
  // Twenty million numbers of a byte each.
  const many = field(7, new Uint8Array(20 * mib));
  const bytes = onnxOf([Buffer.concat([many, tensorBytes({ name: 'i', dims: [1], type: int64 })])]);
  const before = process.memoryUsage.rss();
  expect(() => readOnnxInitializers(bytes)).toThrow('tensor i has no values');
  expect((process.memoryUsage.rss() - before) / mib).toBeLessThan(100);
});

test('a shape of millions of sides is refused at the ninth', () => {
  const dims = field(1, new Uint8Array(20 * mib).fill(1));
  const bytes = onnxOf([Buffer.concat([dims, tensorBytes({ name: 'i', dims: [], type: int64 })])]);
  const before = process.memoryUsage.rss();
  expect(() => readOnnxInitializers(bytes)).toThrow('a tensor has no valid shape');
  expect((process.memoryUsage.rss() - before) / mib).toBeLessThan(100);
});

const shared = new Uint8Array(mib);
const external = (location: string): Uint8Array => {
  if (location !== 'w.bin') throw new FormatError('no such file');
  return shared;
};
const sharing = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    ...{ name: String(i), dims: [mib / 4], type: float, external: { location: 'w.bin' } },
  }));

test('tensors that share a file of values are read, as long as they are not too many', () => {
  expect(readOnnxInitializers(onnxOf(sharing(30)), external).tensors.size).toBe(30);
  expect(() => readOnnxInitializers(onnxOf(sharing(40)), external)).toThrow(
    'its tensors up to 32 take far more bytes than the file has',
  );
});

test('a backbone does not grow without bound by values that its tensors share', () => {
  const names = { input: 'x', output: 'y' };
  const graphOf = (count: number): Uint8Array =>
    backboneGraph(onnxOf(sharing(count)), names, { imageSize: 8, numFeatures: 1, external });
  expect(graphOf(30).length).toBeGreaterThan(30 * mib);
  expect(() => graphOf(40)).toThrow('its external values take far more bytes than the file has');
});

test('the files that a model names are found in its initializers, nodes and inner graphs', () => {
  const named = (location: string): Buffer =>
    tensorBytes({ name: 't', dims: [1], type: float, external: { location } });
  const graph = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
  const node = (...attribute: Buffer[]): Buffer => field(1, field(5, Buffer.concat(attribute)));
  const inner = graph(node(field(5, named('c'))), field(5, named('d')));
  const model = field(
    7,
    graph(
      field(5, named('a')),
      field(5, tensorBytes({ name: 'own', dims: [1], type: float, floats: [1] })),
      field(15, Buffer.concat([field(1, named('b')), field(2, named('b2'))])),
      node(field(6, inner), field(10, named('e'))),
      field(5, named('a')),
    ),
  );
  expect(externalLocations(model)).toEqual(['a', 'b', 'b2', 'c', 'd', 'e']);
});

test('graphs that are nested without end are refused', () => {
  let graph: Buffer = Buffer.alloc(0);
  for (let i = 0; i < 40; i++) graph = field(1, field(5, field(6, graph)));
  expect(() => externalLocations(field(7, graph))).toThrow('its graphs are nested too deep');
});
