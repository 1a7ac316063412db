import { describe, expect, test } from 'vitest';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import {
  readGraphModel,
  type GraphModel,
  type GraphNode,
} from '../../../src/models/weights/tfjs/graph-model.js';
import { mapMobilenetGraph } from '../../../src/models/weights/tfjs/mobilenet-graph.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const width = 0.35;

/** TensorFlow's scope of one of our convolutions: the inverse of what is tested. */
function scopeOf(layerName: string): string {
  const [, index, ...rest] = layerName.split('.');
  if (index === '0') return 'Conv';
  if (index === '18') return 'Conv_1';
  const block = index === '1' ? 'expanded_conv' : `expanded_conv_${Number(index) - 1}`;
  // Of the convolutions in a block the last is the projection and has no sequence of its own: conv.2, not conv.1.0.
  const parts = index === '1' ? ['depthwise', 'project'] : ['expand', 'depthwise', 'project'];
  return `${block}/${parts[Number(rest[1])]!}`;
}

/** A graph as the tfjs converter makes it, with every weight's value telling its place in memory. */
function makeGraph(): GraphModel & { nodes: GraphNode[] } {
  const network = describeNetwork({
    ...torchvisionSpec('mobilenet_v2', width, 4),
    convention: 'tensorflow',
    batchNorm: 'folded',
  });
  const nodes: GraphNode[] = [
    { name: 'mul', op: 'Mul', input: ['two', 'input'], attr: {} },
    { name: 'sub', op: 'Sub', input: ['mul', 'one'], attr: {} },
  ];
  const weights = new Map([
    ['two', { shape: [] as number[], data: Float32Array.of(2) }],
    ['one', { shape: [], data: Float32Array.of(1) }],
  ]);
  for (const layer of network.layers) {
    if (layer.kind === 'add') nodes.push({ name: layer.name, op: 'AddV2', input: [], attr: {} });
    if (layer.kind !== 'conv2d') continue;
    const depthwise = layer.groups > 1;
    const scope = `keras/MobilenetV2/${scopeOf(layer.name)}`;
    const weightsName = `${scope}/${depthwise ? 'depthwise' : 'Conv2D'}_weights`;
    const biasName = `${scope}/bn_offset`;
    const { outChannels, inChannels, kernel, stride } = layer;
    const shape = depthwise ? [...kernel, outChannels, 1] : [...kernel, inChannels, outChannels];
    const length = shape.reduce((a, b) => a * b);
    weights.set(weightsName, { shape, data: Float32Array.from({ length }, (_, i) => i) });
    weights.set(biasName, { shape: [outChannels], data: new Float32Array(outChannels).fill(0.5) });
    const activated = network.layers.some(
      ({ kind, inputs }) => kind === 'relu6' && inputs[0] === layer.name,
    );
    nodes.push({
      name: scope,
      op: depthwise ? 'FusedDepthwiseConv2dNative' : '_FusedConv2D',
      input: ['x', weightsName, biasName],
      attr: {
        data_format: { s: base64('NHWC') },
        padding: { s: base64('SAME') },
        dilations: { list: { i: ['1', '1', '1', '1'] } },
        strides: { list: { i: ['1', String(stride[0]), String(stride[1]), '1'] } },
        fused_ops: { list: { s: (activated ? ['BiasAdd', 'Relu6'] : ['BiasAdd']).map(base64) } },
      },
    });
  }
  return { nodes, weights };
}

const map = (graph: GraphModel) => mapMobilenetGraph(graph, { width, numClasses: 4 });

test('every tensor of the network but the classifier is found, in its shape', () => {
  const { spec, tensors } = map(makeGraph());
  expect(spec.inputAffine).toEqual({ scale: [2, 2, 2], shift: [-1, -1, -1] });
  const expected = stateDictSpecs(describeNetwork(spec)).filter(
    ({ name }) => !name.startsWith('classifier'),
  );
  expect([...tensors.keys()].sort()).toEqual(expected.map(({ name }) => name).sort());
  for (const { name, shape } of expected) expect(tensors.get(name)!.shape).toEqual(shape);
});

test("weights are turned from TensorFlow's layout into PyTorch's", () => {
  const { tensors } = map(makeGraph());
  // features.0.0 is [h 3, w 3, in 3, out 16] there: element (o, i, y, x) has index ((y * 3 + x) * 3 + i) * 16 + o.
  const first = tensors.get('features.0.0.weight')!;
  const [o, i, y, x] = [5, 2, 1, 2];
  expect(first.data[((o * 3 + i) * 3 + y) * 3 + x]).toBe(((y * 3 + x) * 3 + i) * 16 + o);
  // features.1.conv.0.0 is depthwise, [3, 3, 16, 1]: element (c, 0, y, x) has index (y * 3 + x) * 16 + c.
  const depthwise = tensors.get('features.1.conv.0.0.weight')!;
  expect(depthwise.shape).toEqual([16, 1, 3, 3]);
  expect(depthwise.data[(o * 3 + y) * 3 + x]).toBe((y * 3 + x) * 16 + o);
});

describe('a graph that computes something else is refused', () => {
  const edits: [string, (graph: ReturnType<typeof makeGraph>) => void, string][] = [
    [
      'another stride',
      ({ nodes }) => {
        nodes.find(({ name }) => name.endsWith('/Conv'))!.attr['strides'] = {
          list: { i: ['1', '1', '1', '1'] },
        };
      },
      'keras/MobilenetV2/Conv has strides [1,1,1,1] where [1,2,2,1] is needed',
    ],
    [
      'another padding',
      ({ nodes }) => {
        nodes.find(({ name }) => name.endsWith('/Conv_1'))!.attr['padding'] = {
          s: base64('VALID'),
        };
      },
      'keras/MobilenetV2/Conv_1 has padding "VALID" where "SAME" is needed',
    ],
    [
      'an activation too many',
      ({ nodes }) => {
        nodes.find(({ name }) => name.endsWith('conv_3/project'))!.attr['fused_ops'] = {
          list: { s: [base64('BiasAdd'), base64('Relu6')] },
        };
      },
      'keras/MobilenetV2/expanded_conv_3/project has fused_ops ["BiasAdd","Relu6"] where ["BiasAdd"] is needed',
    ],
    [
      'a shortcut too few',
      ({ nodes }) => {
        nodes.splice(
          nodes.findIndex(({ op }) => op === 'AddV2'),
          1,
        );
      },
      'it has 9 shortcuts where 10 are needed',
    ],
    [
      'a block too many',
      ({ nodes, weights }) => {
        const node = nodes.find(({ name }) => name.endsWith('conv_3/project'))!;
        const [x, weightsName, biasName] = node.input as [string, string, string];
        const moved = weightsName.replace('conv_3', 'conv_30');
        (weights as Map<string, unknown>).set(moved, weights.get(weightsName));
        nodes.push({ ...node, name: 'extra', input: [x, moved, biasName] });
      },
      'its convolution extra has no counterpart',
    ],
    [
      'no scaled input',
      ({ nodes }) => {
        nodes.shift();
      },
      'it has no Mul of the image and a number',
    ],
  ];
  for (const [name, edit, message] of edits) {
    test(name, () => {
      const graph = makeGraph();
      edit(graph);
      expect(() => map(graph)).toThrow(message);
    });
  }
});

describe('the tfjs graph-model format', () => {
  const model = (weights: unknown[]) => ({
    format: 'graph-model',
    modelTopology: { node: [] },
    weightsManifest: [{ paths: ['a', 'b'], weights }],
  });
  const bytes = (path: string): Uint8Array =>
    path === 'a' ? Uint8Array.of(0, 2, 255) : Uint8Array.of(1, 2, 0, 0, 128, 63);
  const quantised = (dtype: string, shape: number[]) => ({
    name: dtype,
    shape,
    dtype: 'float32',
    quantization: { dtype, min: -1, scale: 0.5 },
  });
  const plain = { name: 'plain', shape: [1], dtype: 'float32' };

  test('has quantised and plain weights, over several files', () => {
    const { weights } = readGraphModel(
      model([quantised('uint8', [3]), quantised('uint16', [1]), plain]),
      bytes,
    );
    // value = code * 0.5 - 1; the uint16 is 1 + 2 * 256.
    expect([...weights.get('uint8')!.data]).toEqual([-1, 0, 126.5]);
    expect([...weights.get('uint16')!.data]).toEqual([255.5]);
    expect([...weights.get('plain')!.data]).toEqual([1]);
  });

  test('with weights past the end of its files is refused', () => {
    expect(() => readGraphModel(model([quantised('uint8', [10])]), bytes)).toThrow(
      'its weights take 10 bytes and its files have 9',
    );
  });

  test('with bytes left over is refused', () => {
    expect(() => readGraphModel(model([quantised('uint8', [3])]), bytes)).toThrow(
      'its weights take 3 bytes and its files have 9',
    );
  });

  test('of another kind is refused', () => {
    expect(() => readGraphModel({ ...model([]), format: 'layers-model' }, bytes)).toThrow(
      /^it is no tfjs graph model: format: /,
    );
  });
});
