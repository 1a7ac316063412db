import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { threadEntry } from '../../../src/util/thread-entry.js';

/** The compiled engine, as a child process imports it. */
const engine = threadEntry(
  new URL('../../../src/engines/native-gate.ts', import.meta.url).href,
  './threaded-engine.js',
).href;

/** Keeps the gradient thread in onnxruntime, runs of about 10 ms each, and ends in the middle of one. */
const program = (end: string): string => `
  import { openThreadedEngine } from ${JSON.stringify(engine)};
  const [rows, numFeatures, numClasses] = [64, 1792, 102];
  const names = { weightName: 'w', biasName: 'b' };
  const engine = await openThreadedEngine({
    kind: 'head',
    head: { kind: 'linear', ...names, numFeatures, numClasses },
    layout: {
      entries: [
        { name: 'b', shape: [numClasses], offset: 0, length: numClasses },
        { name: 'w', shape: [numClasses, numFeatures], offset: numClasses, length: numClasses * numFeatures },
      ],
      length: numClasses * (numFeatures + 1),
    },
    rowsPerShard: 4,
    provider: 'cpu',
  });
  const batch = {
    numShards: 16,
    rowsPerShard: 4,
    features_SBF: new Float32Array(rows * numFeatures),
    targets_SBK: new Float32Array(rows * numClasses),
    labels_SB: new Int32Array(rows),
    weights_S: new Float32Array(16),
    counts_S: new Float32Array(16),
    mix: null,
    dropout: null,
  };
  const place = { firstShard: 0, numShards: 16, numShardsOfRun: 16 };
  const tensors = { parameters: new Float32Array(numClasses * (numFeatures + 1)), statistics: new Float32Array(0) };
  for (let i = 0; i < 100; i++) engine.gradients([batch], place, tensors).catch(() => {});
  setTimeout(() => { ${end} }, 100);
`;

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-gate-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function outcome(end: string): Promise<{ code: number | null; stderr: string }> {
  const path = join(dir, 'program.mjs');
  await writeFile(path, program(end));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('close', (code) => {
      resolve({ code, stderr });
    });
  });
}

test('a process that exits while a thread computes ends with its own exit code', async () => {
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await outcome('process.exit(3);')).toEqual({ code: 3, stderr: '' });
  }
});

test('an engine that is closed while its thread computes lets the process end by itself', async () => {
  expect(await outcome('process.exitCode = 4; engine.close();')).toEqual({ code: 4, stderr: '' });
});
