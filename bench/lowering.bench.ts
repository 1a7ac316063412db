/**
 * Milliseconds from an architecture's weights in memory to its frozen part, ready to run in onnxruntime: making the graph (batch norm
 * folded) and opening it. Each figure is the fastest of three.
 *
 *     npx tsx bench/lowering.bench.ts [ARCHITECTURE...] [--json]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { OnnxSession } from '../src/engines/onnx-session.js';
import { featuresOf } from '../src/models/network.js';
import { lowerNetwork } from '../src/models/onnx/lower-network.js';
import {
  architectureNames,
  defaultImageSize,
  describeNetwork,
  torchvisionSpec,
} from '../src/models/registry.js';
import { numElements, stateDictSpecs } from '../src/models/tensor-specs.js';
import type { StoredTensor } from '../src/models/weights/tensor-set.js';

const { values: flags, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const repeats = 3;

interface Row {
  readonly architecture: string;
  readonly megabytes: number;
  readonly lowerMs: number;
  readonly openMs: number;
}

/** What a convolution adds up does not matter here, but denormal or infinite values would. */
function constantWeights(architecture: string): Map<string, StoredTensor> {
  const network = describeNetwork(torchvisionSpec(architecture, 1, 10));
  return new Map(
    stateDictSpecs(network).map(({ name, shape, role }) => [
      name,
      {
        shape,
        data:
          role === 'counter'
            ? BigInt64Array.of(0n)
            : new Float32Array(numElements(shape)).fill(0.01),
      },
    ]),
  );
}

async function measure(architecture: string): Promise<Row> {
  const weights = constantWeights(architecture);
  let best = { lowerMs: Infinity, openMs: Infinity, bytes: 0 };
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    const network = describeNetwork(torchvisionSpec(architecture, 1, 10));
    const model = lowerNetwork(network, weights, {
      imageSize: defaultImageSize(architecture),
      output: featuresOf(network),
      outputName: 'features',
      flat: true,
    });
    const lowered = performance.now();
    const session = await OnnxSession.open(model, { provider: 'cpu', threads: cpus().length });
    const opened = performance.now();
    await session.close();
    best = {
      lowerMs: Math.min(best.lowerMs, lowered - start),
      openMs: Math.min(best.openMs, opened - lowered),
      bytes: model.length,
    };
  }
  const { lowerMs, openMs, bytes } = best;
  return { architecture, megabytes: bytes / 1e6, lowerMs, openMs };
}

const rows: Row[] = [];
for (const architecture of positionals.length > 0 ? positionals : architectureNames) {
  const row = await measure(architecture);
  rows.push(row);
  if (flags.json) continue;
  const cells = [row.megabytes, row.lowerMs, row.openMs].map((v) => v.toFixed(0).padStart(6));
  console.log(`${row.architecture.padEnd(14)} ${cells[0]!} MB ${cells[1]!} ms ${cells[2]!} ms`);
}
if (flags.json) console.log(JSON.stringify({ cpu: cpus()[0]?.model, node: process.version, rows }));
