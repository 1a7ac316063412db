import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { threadEntry } from '../../../src/util/thread-entry.js';

/** The compiled engine, as a child process imports it. */
const engine = threadEntry(
  new URL('../../../src/engines/native-gate.ts', import.meta.url).href,
  './threaded-head-engine.js',
).href;

/** Keeps the gradient thread in onnxruntime, runs of about 10 ms each, and ends in the middle of one. */
const program = (end: string): string => `
  import { openThreadedHeadEngine } from ${JSON.stringify(engine)};
  const head = { kind: 'linear', weightName: 'w', biasName: 'b', numFeatures: 1792, numClasses: 102 };
  const engine = await openThreadedHeadEngine({ head, rowsPerShard: 4, provider: 'cpu' });
  const batch = {
    numShards: 16,
    rowsPerShard: 4,
    features_SBF: new Float32Array(64 * 1792),
    labels_SB: new Int32Array(64),
    rowWeights_SB: new Float32Array(64),
  };
  const parameters = new Float32Array(102 * 1793);
  for (let i = 0; i < 100; i++) engine.gradients(batch, parameters).catch(() => {});
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
