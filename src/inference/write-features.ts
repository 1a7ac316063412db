import { type FileHandle, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BadFile } from '../data/manifest.js';
import { listAllImages } from '../data/sources/image-folder.js';
import { enumerate } from '../data/sources/listing.js';
import { OnnxSession } from '../engines/onnx-session.js';
import { FtctlError } from '../errors/index.js';
import { type LayerGraph, layerOutputName } from '../models/layer-graph.js';
import { writeAtomic } from '../util/atomic-file.js';
import { type ArrayFormat, arrayHeader } from './array-header.js';
import { batchSize, prepareBatch } from './image-batch.js';

export interface WriteFeaturesOptions {
  /** Absolute; its images and those of all folders below, or one image file. */
  readonly folder: string;
  readonly path: string;
  readonly format: ArrayFormat;
  readonly threads: number;
  readonly onProgress?: (message: string, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface WrittenFeatures {
  /** [number of images, ...shape of the layer's output]. */
  readonly shape: readonly number[];
  /** Relative to the folder (of an image file alone, to the folder that it is in), in the order of the rows. */
  readonly images: readonly string[];
}

/**
 * Writes the output of a layer for all images of a folder as one float32 array. A row is the same in any company. Blocks the
 * calling thread while the engine computes. Rejects with FT_DATA_EMPTY, FT_DATA_BAD_FILES, FT_DISK_FULL, FT_NOT_WRITABLE, or once the
 * signal aborts; nothing is written then.
 */
export async function writeFeatures(
  { graph, layer, shape: rowShape, preprocessing }: LayerGraph,
  { folder, path, format, threads, onProgress, signal }: WriteFeaturesOptions,
): Promise<WrittenFeatures> {
  const single = await isFile(folder);
  const images = single ? [basename(folder)] : await listAllImages(folder);
  const root = single ? dirname(folder) : folder;
  const shape = [images.length, ...rowShape];
  const bad: BadFile[] = [];
  const { imageSize } = preprocessing;
  const session = await OnnxSession.open(graph, { provider: 'cpu', threads });
  const prepare = (from: number) => {
    const files = images.slice(from, from + batchSize).map((image) => join(root, image));
    return prepareBatch(files, preprocessing);
  };
  const writeRows = async (file: FileHandle): Promise<void> => {
    const metadata = { 'ftctl.layer': layer, 'ftctl.images': JSON.stringify(images) };
    await file.write(arrayHeader(format, shape, metadata));
    let next = prepare(0);
    for (let from = 0; from < images.length; from += batchSize) {
      const { images_NCHW, errors } = await next;
      signal?.throwIfAborted();
      next = prepare(from + batchSize);
      errors.forEach((error, place) => {
        if (error !== undefined) bad.push({ path: images[from + place]!, reason: reasonOf(error) });
      });
      onProgress?.(`Computing ${layer}`, Math.min(from + batchSize, images.length), images.length);
      if (bad.length > 0) continue; // the others are still looked at, so that all faults are told at once
      const dims = [errors.length, 3, imageSize, imageSize];
      const outputs = await session.run({ images: { data: images_NCHW, dims } });
      const rows = outputs[layerOutputName]!;
      await file.writeFile(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
    }
    if (bad.length > 0) throw badFiles(root, images.length, bad);
  };
  try {
    await writeAtomic(path, writeRows);
  } catch (error) {
    signal?.throwIfAborted(); // which writeAtomic would take for a failure of the disk
    throw error;
  } finally {
    await session.close();
  }
  return { shape, images };
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function reasonOf({ details, message }: FtctlError): string {
  const reason = details?.['reason'];
  return typeof reason === 'string' ? reason : message;
}

function badFiles(folder: string, numImages: number, bad: readonly BadFile[]): FtctlError {
  const lines = bad.map(({ path, reason }) => `${path}: ${reason}`);
  return new FtctlError('FT_DATA_BAD_FILES', {
    what: `${bad.length} of ${numImages} images in ${folder} cannot be used: ${enumerate(lines, 20)}.`,
    remedy: 'Repair or remove the files.',
    details: { badFiles: bad },
  });
}
