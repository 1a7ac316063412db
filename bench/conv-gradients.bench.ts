/**
 * Milliseconds of processor time of the convolutions of networks, forward, the gradient of their input and of their weight, on
 * one thread, in each way that src/models/derivatives/conv can lower them; `*` marks the way that is chosen there. Each figure is the fastest of many runs; a
 * gradient's is that of a graph with it less that of the forward pass.
 *
 *     npx tsx bench/conv-gradients.bench.ts [ARCHITECTURE@PIXELS...] [--shards 1,8] [--rows 4] [--json]
 *
 * What was measured, and what followed from it: docs/decisions/0010-convolutions-are-lowered-by-their-size.md.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { OnnxSession } from '../src/engines/onnx-session.js';
import {
  chooseLowering,
  possibleLowerings,
  type ConvLowering,
} from '../src/models/derivatives/conv/choose-lowering.js';
import { lowerConv } from '../src/models/derivatives/conv/conv.js';
import { convGeometry } from '../src/models/derivatives/conv/geometry.js';
import type { Conv2dLayer } from '../src/models/network.js';
import { GraphBuilder } from '../src/models/onnx/graph-builder.js';
import { describeNetwork, torchvisionSpec } from '../src/models/registry.js';
import { inferShapes, type Shape } from '../src/models/shapes.js';
import { layerTensors, numElements } from '../src/models/tensor-specs.js';

const { values: flags, positionals } = parseArgs({
  options: {
    shards: { type: 'string', default: '1,8' },
    rows: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const rowsPerShard = Number(flags.rows);
const budgetMs = 250;
const minRuns = 4;

interface Conv {
  readonly layer: Conv2dLayer;
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** How many convolutions of the network have these sizes. */
  count: number;
}

/** The convolutions of different sizes of a network. */
function convsOf(architecture: string, imageSize: number): Conv[] {
  const network = describeNetwork(torchvisionSpec(architecture, 1, 10));
  const shapes = inferShapes(network, imageSize);
  const convs = new Map<string, Conv>();
  for (const layer of network.layers) {
    const [input, output] = [shapes.get(layer.inputs[0]!), shapes.get(layer.name)];
    if (layer.kind !== 'conv2d' || input === undefined || output === undefined) continue;
    const { inChannels, outChannels, kernel, stride, dilation, groups } = layer;
    const key = JSON.stringify({
      input,
      inChannels,
      outChannels,
      kernel,
      stride,
      dilation,
      groups,
    });
    const known = convs.get(key);
    if (known !== undefined) known.count += 1;
    else convs.set(key, { layer, inputShape: input, outputShape: output, count: 1 });
  }
  return [...convs.values()];
}

type Part = 'forward' | 'input' | 'weight';

/** The graph of the forward pass, with a gradient; of its results it gives one element each, since copying them would be timed too. */
function graphOf(conv: Conv, numShards: number, lowering: ConvLowering, part: Part): Uint8Array {
  const { layer, inputShape, outputShape } = conv;
  const N = numShards * rowsPerShard;
  const graph = new GraphBuilder('conv');
  graph.input('images', 'float', [N, ...inputShape]);
  for (const { name, shape } of layerTensors(layer)) graph.input(name, 'float', shape);
  const forward = lowerConv(
    {
      graph,
      layer,
      inputShapes: [inputShape],
      outputShape,
      numShards,
      rowsPerShard,
      batchNorm: 'frozen',
      isTraining: true,
      sumsShards: false,
      rowMask: () => 'row_mask',
      dropoutMask: () => 'dropout_mask',
      tensor: (suffix) => `${layer.name}.${suffix}`,
      constant: () => undefined,
      isTrained: (suffix) => part === 'weight' && suffix === 'weight',
      name: (suffix) => `${layer.name}/${suffix}`,
    },
    'images',
    lowering,
  );
  const first = (name: string, value: string): void => {
    const flat = graph.node('Reshape', `${name}.flat`, [value, graph.integers('flat', [-1])]);
    const range = [graph.integers('from', [0]), graph.integers('to', [1])];
    graph.output(graph.node('Slice', name, [flat, ...range]), 'float', [1]);
  };
  first('first_output', forward.output);
  if (part !== 'forward') {
    graph.input('errors', 'float', [N, ...outputShape]);
    const gradients = forward.backward('errors', [part === 'input']);
    first('first_gradient', (gradients.inputs[0] ?? gradients.tensors.get('weight'))!);
  }
  return graph.build();
}

/** Values that no kernel treats as special. */
const values = (shape: Shape) => ({
  data: Float32Array.from({ length: numElements(shape) }, (_, i) => Math.sin(i * 0.37)),
  dims: shape,
});

async function fastest(conv: Conv, numShards: number, lowering: ConvLowering, part: Part) {
  const { layer, inputShape, outputShape } = conv;
  const N = numShards * rowsPerShard;
  const session = await OnnxSession.open(graphOf(conv, numShards, lowering, part), {
    provider: 'cpu',
    threads: 1,
  });
  const feeds = {
    images: values([N, ...inputShape]),
    ...Object.fromEntries(layerTensors(layer).map(({ name, shape }) => [name, values(shape)])),
    ...(part === 'forward' ? {} : { errors: values([N, ...outputShape]) }),
  };
  let best = Infinity;
  const end = performance.now() + budgetMs;
  for (let run = 0; run < minRuns || performance.now() < end; run++) {
    const start = process.cpuUsage();
    await session.run(feeds);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  await session.close();
  return best;
}

interface Way {
  readonly part: Part;
  readonly way: string;
  readonly isChosen: boolean;
  readonly ms: number;
}

const nameOf = (lowering: ConvLowering, part: Part): string => {
  if (lowering.kind !== 'windows') return lowering.kind;
  return part === 'forward' ? 'windows' : part === 'input' ? lowering.input : lowering.filter;
};

/** Each part in each way. */
async function measure(conv: Conv, numShards: number): Promise<Way[]> {
  const { layer, inputShape } = conv;
  const geometry = convGeometry({ layer, inputShapes: [inputShape], numShards, rowsPerShard });
  const chosen = chooseLowering(geometry);
  const ways = new Map<string, Way>();
  const forwards = new Map<string, number>();
  for (const lowering of possibleLowerings(geometry)) {
    const forwardName = nameOf(lowering, 'forward');
    const forwardMs =
      forwards.get(forwardName) ?? (await fastest(conv, numShards, lowering, 'forward'));
    forwards.set(forwardName, forwardMs);
    for (const part of ['forward', 'input', 'weight'] as const) {
      const way = nameOf(lowering, part);
      const key = `${part} ${way}`;
      if (ways.has(key)) continue;
      const isChosen = way === nameOf(chosen, part);
      const whole = part === 'forward' ? forwardMs : await fastest(conv, numShards, lowering, part);
      const ms = part === 'forward' ? whole : Math.max(whole - forwardMs, 0);
      ways.set(key, { part, way, isChosen, ms });
    }
  }
  return [...ways.values()];
}

const partText = (ways: readonly Way[], part: Part): string =>
  ways
    .filter((way) => way.part === part)
    .map(({ way, ms, isChosen }) => `${isChosen ? '*' : ''}${way} ${ms.toFixed(2)}`)
    .join(', ');

const rows: object[] = [];
for (const place of positionals.length > 0 ? positionals : ['resnet18@64']) {
  const [architecture, pixels = '64'] = place.split('@');
  for (const numShards of flags.shards.split(',').map(Number)) {
    let total = 0;
    for (const conv of convsOf(architecture!, Number(pixels))) {
      const { layer, inputShape, outputShape, count } = conv;
      const ways = await measure(conv, numShards);
      total += count * ways.reduce((sum, { ms, isChosen }) => sum + (isChosen ? ms : 0), 0);
      const { kernel, stride, groups } = layer;
      const sizes = `${inputShape.join('x')} -> ${outputShape.join('x')}, ${kernel.join('x')} / ${stride.join('x')}, ${groups} groups`;
      rows.push({ place, numShards, rowsPerShard, layer: layer.name, sizes, count, ways });
      if (flags.json) continue;
      console.log(`${place} S${numShards} ${layer.name} (${count}): ${sizes}`);
      for (const part of ['forward', 'input', 'weight'] as const) {
        console.log(`    ${part.padEnd(7)} ${partText(ways, part)}`);
      }
    }
    if (!flags.json) console.log(`${place} S${numShards}: ${total.toFixed(1)} ms as chosen\n`);
  }
}
if (flags.json) console.log(JSON.stringify({ cpu: cpus()[0]?.model, node: process.version, rows }));
