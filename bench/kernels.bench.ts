/**
 * Milliseconds of the loops over a whole gradient or state, in plain JavaScript and as kernels (src/kernels), on as many values as a
 * resnet18 has parameters. Each figure is the fastest of `repeats`, both kinds taken in turn.
 *
 *     npx tsx bench/kernels.bench.ts [--elements 11689512] [--json]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { addNodes } from '../src/collective/tree.js';
import { kernelMemory, Kernels } from '../src/kernels/kernels.js';
import { countNotFinite } from '../src/train/checks.js';
import { clipRange, sumOfSquares } from '../src/train/clip.js';
import { adamScalars } from '../src/train/optimizers/adam.js';
import { sgdScalars } from '../src/train/optimizers/sgd.js';
import { updateRange, type UpdateScalars } from '../src/train/optimizers/update.js';
import { countBad, divide, limit, squares, update } from '../src/train/state-work/kernel-loops.js';

const { values: flags } = parseArgs({
  options: {
    elements: { type: 'string', default: '11689512' },
    json: { type: 'boolean', default: false },
  },
});
const numElements = Number(flags.elements);
const repeats = 7;
/** Values of each array that are copied to the kernels' memory at once, where arrays lie elsewhere: they fit in a core's cache. */
const stagedElements = 16_384;

const startMs = performance.now();
const stagedBytes = 3 * 4 * stagedElements;
const memory = kernelMemory(stagedBytes + 5 * 4 * numElements + 64);
const kernels = new Kernels(memory);
const openMs = performance.now() - startMs;

let used = 0;
function shared(length: number): Float32Array {
  const values = new Float32Array(memory.buffer, used, length);
  used += 4 * length;
  return values;
}

const [stagedOut, stagedLeft, stagedRight] = [1, 2, 3].map(() => shared(stagedElements)) as [
  Float32Array,
  Float32Array,
  Float32Array,
];
const names = ['gradients', 'parameters', 'firstMoments', 'secondMoments', 'out'] as const;
type Arrays = Record<(typeof names)[number], Float32Array>;

/** Numbers of a usual size; what they are makes no difference, but denormal or infinite ones would. */
function filled(allocate: (length: number) => Float32Array): Arrays {
  const entries = names.map((name) => {
    const values = allocate(numElements);
    for (let i = 0; i < numElements; i += 1) values[i] = 0.1 + (i % 1000) / 1000;
    return [name, values];
  });
  return Object.fromEntries(entries) as Arrays;
}
const plain = filled((length) => new Float32Array(length));
const inMemory = filled(shared);
const whole = { gradientOffset: 0, parameterOffset: 0, length: numElements };

/** addNodes of arrays that lie elsewhere, block by block. */
function addStaged(out: Float32Array, left: Float32Array, right: Float32Array): void {
  for (let at = 0; at < numElements; at += stagedElements) {
    const end = Math.min(at + stagedElements, numElements);
    stagedLeft.set(left.subarray(at, end));
    stagedRight.set(right.subarray(at, end));
    kernels.run('add', [stagedOut, stagedLeft, stagedRight], stagedElements);
    out.set(stagedOut.subarray(0, end - at), at);
  }
}

const place = { step: 3, learningRate: 1e-4, weightDecay: 0.01 };
const betas = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const clip = { scale: 0.999, limit: 10 };
const moved = (name: string, scalars: UpdateScalars): [string, () => void, () => void] => [
  name,
  () => {
    updateRange(plain, plain.gradients, whole, scalars);
  },
  () => {
    update(kernels, inMemory, inMemory.gradients, whole, scalars);
  },
];
const cases: [name: string, inJavaScript: () => void, byKernel: () => void][] = [
  moved(
    'Adam, no weight decay',
    adamScalars({ type: 'adam', ...betas }, { ...place, weightDecay: 0 }),
  ),
  moved('Adam', adamScalars({ type: 'adam', ...betas }, place)),
  moved('AdamW', adamScalars({ type: 'adamw', ...betas }, place)),
  moved('SGD with momentum', sgdScalars({ momentum: 0.9, dampening: 0, nesterov: false }, place)),
  [
    'division by the weight',
    () => {
      for (let i = 0; i < numElements; i += 1) plain.out[i] = plain.out[i]! / 1.0001;
    },
    () => {
      divide(kernels, inMemory.out, 1.0001);
    },
  ],
  [
    'clipping',
    () => {
      clipRange(plain.out, 0, numElements, clip);
    },
    () => {
      limit(kernels, inMemory.out, clip);
    },
  ],
  [
    'sum of squares',
    () => {
      sumOfSquares(plain.out, 0, numElements);
    },
    () => {
      squares(kernels, inMemory.out);
    },
  ],
  [
    'counting what is not finite',
    () => {
      countNotFinite(plain.out);
    },
    () => {
      countBad(kernels, inMemory.out);
    },
  ],
  [
    'addition',
    () => {
      addNodes(plain.out, plain.parameters, plain.gradients);
    },
    () => {
      const { out, parameters, gradients } = inMemory;
      kernels.run('add', [out, parameters, gradients], numElements);
    },
  ],
  [
    'addition of arrays elsewhere',
    () => {
      addNodes(plain.out, plain.parameters, plain.gradients);
    },
    () => {
      addStaged(plain.out, plain.parameters, plain.gradients);
    },
  ],
];

function timed(work: () => void): number {
  const before = performance.now();
  work();
  return performance.now() - before;
}

const rows = cases.map(([name, inJavaScript, byKernel]) => {
  const times = Array.from({ length: repeats }, () => [timed(inJavaScript), timed(byKernel)]);
  const [javaScriptMs, kernelMs] = [0, 1].map((kind) =>
    Math.min(...times.map((both) => both[kind]!)),
  ) as [number, number];
  return { name, javaScriptMs, kernelMs };
});
const configuration = {
  elements: numElements,
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  openMs,
};
if (flags.json) {
  console.log(JSON.stringify({ configuration, rows }));
} else {
  console.log(JSON.stringify(configuration));
  console.log(`${''.padEnd(30)} JavaScript    kernel`);
  for (const { name, javaScriptMs, kernelMs } of rows) {
    const cells = [javaScriptMs, kernelMs].map((ms) => ms.toFixed(1).padStart(9));
    console.log(`${name.padEnd(30)} ${cells.join(' ')}`);
  }
}
