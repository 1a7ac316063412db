import { expect, test } from 'vitest';
import { OnnxSession } from '../../../src/engines/onnx-session.js';
import { GraphBuilder } from '../../../src/models/onnx/graph-builder.js';

test('a value can be an output under other names, and be read by other nodes all the same', async () => {
  const graph = new GraphBuilder('outputs');
  graph.input('x', 'float', [2, 3]);
  const one = graph.floats('one', [], [1]);
  const sum = graph.node('Add', 'sum', ['x', one]);
  graph.outputAs('first', sum);
  graph.outputAs('second', sum);
  graph.outputAs('input', 'x');
  graph.outputAs('twice', graph.node('Add', 'double', [sum, sum]));
  const session = await OnnxSession.open(graph.build(), { provider: 'cpu', threads: 1 });
  try {
    expect(session.outputs.map(({ name }) => name)).toEqual(['first', 'second', 'input', 'twice']);
    // The shape that nobody has said is inferred.
    expect(session.shapeOf('twice')).toEqual([2, 3]);
    const x = { data: Float32Array.of(0, 1, 2, 3, 4, 5), dims: [2, 3] };
    const outputs = await session.run({ x });
    expect([...outputs['first']!]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...outputs['second']!]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...outputs['input']!]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...outputs['twice']!]).toEqual([2, 4, 6, 8, 10, 12]);
  } finally {
    await session.close();
  }
});
