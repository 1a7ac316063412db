import { readFile } from 'node:fs/promises';
import { FtctlError } from '../errors/index.js';
import { writeFileAtomic } from '../util/atomic-file.js';
import { readArtifacts, type Artifacts } from './artifacts.js';
import { encodePth } from './weights/pth/write-pth.js';
import { decodeSafetensors } from './weights/safetensors.js';
import type { TensorSet } from './weights/tensor-set.js';

/** What a trained model can be written as; also the endings of the files. */
export type ExportFormat = 'safetensors' | 'onnx' | 'pth';

export interface ExportedModel {
  readonly format: ExportFormat;
  readonly path: string;
  readonly numBytes: number;
}

/**
 * Writes a trained model's folder as one file, which replaces what lies at `path`:
 *
 * - `safetensors`, `pth`: torchvision's state dict. safetensors is the folder's file as it is, with the labels and the preprocessing in its metadata.
 * - `onnx`: images [N, 3, S, S], normalised, to logits [N, K]; labels and preprocessing in its metadata. Likewise the folder's file.
 *
 * Rejects with FT_MODEL_NO_STATE_DICT for a network that torchvision does not have, FT_ARTIFACTS_*, FT_DISK_FULL,
 * FT_NOT_WRITABLE, or the signal's reason, before anything is written.
 */
export async function exportArtifacts(
  modelDir: string,
  format: ExportFormat,
  path: string,
  signal?: AbortSignal,
): Promise<ExportedModel> {
  const artifacts = await readArtifacts(modelDir);
  const bytes =
    format === 'onnx' ? await read(artifacts.modelPath) : await stateDictFile(artifacts, format);
  signal?.throwIfAborted();
  await writeFileAtomic(path, bytes);
  return { format, path, numBytes: bytes.length };
}

async function stateDictFile(
  artifacts: Artifacts,
  format: 'safetensors' | 'pth',
): Promise<Uint8Array> {
  const { weightsPath, modelPath } = artifacts;
  if (weightsPath === undefined) {
    throw new FtctlError('FT_MODEL_NO_STATE_DICT', {
      what: `The model of ${modelPath} cannot be written as a state dict.`,
      why: 'torchvision does not have its network: it is an ONNX backbone, or it pads as TensorFlow does, so that the same weights would give other results there.',
      remedy: 'Export it as ONNX: `--format onnx`.',
      details: { path: modelPath, format },
    });
  }
  const bytes = await read(weightsPath);
  const tensors = intactTensors(bytes, weightsPath);
  return format === 'pth' ? encodePth(tensors) : bytes;
}

function intactTensors(bytes: Uint8Array, path: string): TensorSet {
  try {
    return decodeSafetensors(bytes, path).tensors;
  } catch (error) {
    throw damaged(path, error);
  }
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw damaged(path, error);
  }
}

function damaged(path: string, cause: unknown): FtctlError {
  return new FtctlError('FT_ARTIFACTS_DAMAGED', {
    what: `The trained model's file ${path} cannot be used.`,
    why: cause instanceof Error ? cause.message : String(cause),
    ...{ cause, details: { path } },
  });
}
