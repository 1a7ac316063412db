import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSpec } from '../../config/run-spec.js';
import { makeManifest, type ManifestProgress } from '../../data/make-manifest.js';
import { decodeManifest } from '../../data/manifest-json.js';
import type { Manifest } from '../../data/manifest.js';
import { noPixelCache } from '../../data/pixel-cache.js';
import { FtctlError } from '../../errors/index.js';
import { preprocessingOf } from '../../models/preprocessing-of.js';

/** A manifest, or the reason why it cannot be had, as a sentence. */
export type FoundManifest =
  | { readonly manifest: Manifest; readonly from: 'cache' | 'images' }
  | { readonly manifest: null; readonly why: string };

export interface FindManifestOptions {
  readonly onProgress: (progress: ManifestProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * The manifest with this hash: from the cache, where every launch leaves it, or made anew from the images. It is the very one: the hash
 * covers every sample. Rejects with the signal's reason alone.
 */
export async function findManifest(
  hash: string,
  { data, seed, model, cache }: RunSpec,
  { onProgress, signal }: FindManifestOptions,
): Promise<FoundManifest> {
  const cached = await inBlobs(join(cache.path, 'blobs'), hash);
  if (cached !== undefined) return { manifest: cached, from: 'cache' };
  try {
    const { manifest } = await makeManifest(data, {
      ...{ seed, cacheDir: cache.path, pixelCache: noPixelCache, onProgress, signal },
      preprocessing: preprocessingOf(model, data),
    });
    if (manifest.hash === hash) return { manifest, from: 'images' };
    return { manifest: null, why: 'The images are no longer those that the run was trained on.' };
  } catch (error) {
    signal.throwIfAborted();
    return { manifest: null, why: FtctlError.from(error).message };
  }
}

/** Blobs are named by their bytes; a manifest has its own hash at its beginning. */
async function inBlobs(dir: string, hash: string): Promise<Manifest | undefined> {
  const start = Buffer.from(`{"format":"ftctl-manifest-1","hash":"${hash}"`);
  for (const name of await readdir(dir).catch(() => [])) {
    const path = join(dir, name);
    try {
      if (!(await beginsWith(path, start))) continue;
      const manifest = decodeManifest(await readFile(path, 'utf8'));
      if (manifest.hash === hash) return manifest;
    } catch {
      // Damaged, or just being removed: it can be made anew.
    }
  }
  return undefined;
}

async function beginsWith(path: string, start: Buffer): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(start.length), 0, start.length, 0);
    return bytesRead === start.length && buffer.equals(start);
  } finally {
    await file.close();
  }
}
