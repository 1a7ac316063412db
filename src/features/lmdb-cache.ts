import { hash } from 'node:crypto';
import { endianness } from 'node:os';
import { join } from 'node:path';
import type { DecodedImage, PixelCache } from '../data/pixel-cache.js';
import { CacheStore, type CacheStoreOptions } from './cache-store.js';

/** A {@link PixelCache} on disk. `put` may block for a commit now and then: give it a thread, or time. */
export interface DiskPixelCache extends PixelCache {
  /** Commits what was put so far. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The decoded images in `<cacheDir>/images`, shared with all processes and threads. Entry: width and height (uint32
 * little endian), then `pixels_HWC`. Never rejects; what fails goes to `onWarning` and the cache helps less.
 */
export async function openPixelCache(
  cacheDir: string,
  options: CacheStoreOptions,
): Promise<DiskPixelCache> {
  const store = await CacheStore.open(join(cacheDir, 'images'), options);
  const keyOf = (key: string): Buffer => hash('sha256', `pixels/1\n${key}`, 'buffer');
  return {
    get: (key) => {
      const digest = keyOf(key);
      const entry = store.get(digest);
      if (entry === undefined) return undefined;
      const image = decodeEntry(entry);
      if (image === undefined) store.remove(digest);
      return image;
    },
    put: (key, image) => {
      const head = Buffer.allocUnsafe(8);
      head.writeUInt32LE(image.width, 0);
      head.writeUInt32LE(image.height, 4);
      store.put(keyOf(key), head, image.pixels_HWC);
    },
    flush: () => {
      store.flush();
      return Promise.resolve();
    },
    close: () => store.close(),
  };
}

function decodeEntry(entry: Uint8Array): DecodedImage | undefined {
  if (entry.length < 8) return undefined;
  const head = new DataView(entry.buffer, entry.byteOffset, 8);
  const width = head.getUint32(0, true);
  const height = head.getUint32(4, true);
  if (width * height * 3 !== entry.length - 8) return undefined;
  return { width, height, pixels_HWC: entry.subarray(8) };
}

/** Feature rows by 32-byte key (feature-key.ts), float32 little endian. Blocks; belongs to one thread. */
export interface FeatureCache {
  /** The row of `width` features, in memory of its own; undefined if absent, damaged, or of another width. */
  get(key: Uint8Array, width: number): Float32Array | undefined;
  put(key: Uint8Array, row_F: Float32Array): void;
  flush(): void;
  close(): Promise<void>;
}

/** The cache that keeps nothing. */
export const noFeatureCache: FeatureCache = {
  get: () => undefined,
  put: () => undefined,
  flush: () => undefined,
  close: () => Promise.resolve(),
};

/** The features in `<cacheDir>/features`, shared with all processes and threads. Never rejects. */
export async function openFeatureCache(
  cacheDir: string,
  options: CacheStoreOptions,
): Promise<FeatureCache> {
  if (endianness() !== 'LE') {
    options.onWarning('Features are not cached: this machine is not little endian.');
    return noFeatureCache;
  }
  const store = await CacheStore.open(join(cacheDir, 'features'), options);
  return {
    get: (key, width) => {
      const entry = store.get(key);
      if (entry === undefined) return undefined;
      if (entry.length === 4 * width) {
        // Copied, since the checksum before it leaves the entry unaligned.
        const row_F = new Float32Array(width);
        new Uint8Array(row_F.buffer).set(entry);
        return row_F;
      }
      store.remove(key);
      return undefined;
    },
    put: (key, row_F) => {
      store.put(key, new Uint8Array(row_F.buffer, row_F.byteOffset, row_F.byteLength));
    },
    flush: () => {
      store.flush();
    },
    close: () => store.close(),
  };
}
