import { GraphBuilder } from '../../../src/models/onnx/graph-builder.js';
import { decodeOnnx, encodeOnnx } from '../../../src/models/onnx/schema.js';
import { RandomSource } from '../weights/random-source.js';

/** What of a small backbone can be otherwise. */
export interface BackboneChoice {
  readonly input?: readonly (number | string)[];
  /** Beside `maps` [N, 6, H, W]. */
  readonly outputs?: readonly ('pooled' | 'centred' | 'shaken' | 'log' | 'counts')[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** Version of the operator set that it says it is of. */
  readonly opset?: number;
}

/**
 * An ONNX file of a convolution and its ReLU (`maps`), with outputs that are pooled features, or of which something is wrong: rows
 * that depend on each other (`shaken`: no more than by rounding), values that are not finite, whole numbers. Its input is called `pixels`.
 */
export function backboneFile(choice: BackboneChoice = {}): Uint8Array {
  const { input = ['N', 3, 'H', 'W'], outputs = [], metadata, opset } = choice;
  const random = new RandomSource(7);
  const graph = new GraphBuilder('backbone');
  graph.input('pixels', 'float', input);
  const weights = Float32Array.from({ length: 6 * 3 * 9 }, () => random.uniform() - 0.5);
  const weight = graph.constant('weight', [6, 3, 3, 3], weights);
  const conv = graph.node('Conv', 'features', ['pixels', weight], { kernel_shape: [3, 3] });
  graph.node('Relu', 'maps', [conv]);
  const pooled = graph.node('GlobalAveragePool', 'pooled', ['maps']);
  const rows = ['N', 6, 1, 1];
  if (outputs.length === 0) graph.output('maps', 'float', ['N', 6, 'H2', 'W2']);
  for (const name of outputs) {
    if (name === 'centred' || name === 'shaken') {
      const mean = graph.node('ReduceMean', 'mean', [pooled], { axes: [0], keepdims: 1 });
      const share = graph.floats('share', [], [name === 'centred' ? 1 : 1e-5]);
      graph.node('Sub', name, [pooled, graph.node('Mul', 'shares', [mean, share])]);
    }
    if (name === 'log') graph.node('Log', name, [graph.node('Neg', 'negative', [pooled])]);
    if (name === 'counts') graph.node('Cast', name, [pooled], { to: 7 });
    graph.output(name, name === 'counts' ? 'int64' : 'float', rows);
  }
  const bytes = graph.build(metadata);
  if (opset === undefined) return bytes;
  return encodeOnnx({ ...decodeOnnx(bytes), opsetImport: [{ domain: '', version: opset }] });
}
