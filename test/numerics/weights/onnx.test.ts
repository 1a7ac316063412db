import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSource } from '../../../src/models/weights/read-source.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';
import { findPython } from '../../support/python.js';

type Described = Record<string, { shape: number[]; bits: string }>;

const python = findPython(['onnx', 'numpy']);
const script = fileURLToPath(new URL('onnx_files.py', import.meta.url));

function described(tensors: ReadonlyMap<string, StoredTensor>): Described {
  return Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [
      name,
      {
        shape: [...shape],
        bits: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
      },
    ]),
  );
}

describe.skipIf(python.path === undefined)('the initializers of an ONNX file', () => {
  let dir = '';
  let expected: { model: Described; external: Described };
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'ftctl-onnx-'));
    const json = execFileSync(python.path!, ['-W', 'ignore', script, dir], { encoding: 'utf8' });
    expected = JSON.parse(json) as typeof expected;
  }, 60_000);
  afterAll(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const read = (name: string) =>
    readFileSource({ type: 'file', path: join(dir, name) }, { cacheDir: dir });

  test('are read to the bit, however they are stored', async () => {
    const { format, tensors } = await read('model.onnx');
    expect(format).toBe('onnx');
    expect(described(tensors)).toEqual(expected.model);
  });

  test('may lie in a file beside it', async () => {
    expect(described((await read('external.onnx')).tensors)).toEqual(expected.external);
    renameSync(join(dir, 'external.onnx.data'), join(dir, 'elsewhere'));
    await expect(read('external.onnx')).rejects.toMatchObject({
      code: 'FT_WEIGHTS_DAMAGED',
      message: `${join(dir, 'external.onnx')} cannot be read: its file external.onnx.data cannot be read.`,
    });
  });
});
