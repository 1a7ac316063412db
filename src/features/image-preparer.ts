import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { renderView, viewParameters } from '../data/augment.js';
import { decodeImage, decodeKey, type DecodeOptions } from '../data/decode.js';
import type { DecodedImage, PixelCache } from '../data/pixel-cache.js';
import { decodeSideOf } from '../data/working-side.js';
import { FtctlError } from '../errors/index.js';
import type { SharedCounters } from './feature-counters.js';
import type { ImageFile, ImageRow, ImageSettings, RowFailure } from './thread-messages.js';

/** Decodes at once, over all batches: enough to keep libuv's four threads busy while files are read. */
const maxDecodes = 8;

export interface ImagePreparerOptions {
  readonly settings: ImageSettings;
  readonly pixels: PixelCache;
  readonly counters: SharedCounters;
  /** Milliseconds, monotonic. */
  readonly nowMs: () => number;
}

/** Files and view indexes -> network inputs: decode (through the pixel cache), then one augmenting pass. */
export class ImagePreparer {
  readonly #options: ImagePreparerOptions;
  /** One image may be in a batch in several views: it is decoded once. */
  readonly #decoding = new Map<string, Promise<DecodedImage>>();
  readonly #waiting: (() => void)[] = [];
  #numDecodes = 0;
  #closed = false;

  constructor(options: ImagePreparerOptions) {
    this.#options = options;
  }

  /** Fills `images_NCHW` in row order; rows that fail are named and leave the others alone. */
  async prepare(rows: readonly ImageRow[], images_NCHW: Float32Array): Promise<RowFailure[]> {
    const failures: RowFailure[] = [];
    await Promise.all(
      rows.map(async ({ file, view }, row) => {
        try {
          const decode = this.#decodeOptions(view);
          const image = this.#cached(file, decode) ?? (await this.#decodeOnce(file, decode));
          if (!this.#closed) this.#render(file, image, view, images_NCHW, row);
        } catch (error) {
          failures.push({ row, error: FtctlError.from(error).toJSON() });
        }
      }),
    );
    return failures;
  }

  /** Makes what is under way end soon; its results are void. */
  close(): void {
    this.#closed = true;
  }

  #decodeOptions(view: number): DecodeOptions {
    const { workingSide, preprocessing } = this.#options.settings;
    return {
      workingSide: decodeSideOf(view, workingSide, preprocessing),
      background: preprocessing.background,
    };
  }

  #cached(file: ImageFile, decode: DecodeOptions): DecodedImage | undefined {
    const image = this.#options.pixels.get(decodeKey(file.sha256, decode));
    if (image !== undefined) this.#options.counters.add('imagesCached', 1);
    return image;
  }

  #decodeOnce(file: ImageFile, decode: DecodeOptions): Promise<DecodedImage> {
    const key = `${decode.workingSide} ${file.sha256} ${file.path}`;
    const running = this.#decoding.get(key);
    if (running !== undefined) return running;
    const decoding = this.#decode(file, decode).finally(() => this.#decoding.delete(key));
    this.#decoding.set(key, decoding);
    return decoding;
  }

  async #decode(file: ImageFile, decode: DecodeOptions): Promise<DecodedImage> {
    if (this.#numDecodes >= maxDecodes) await new Promise<void>((go) => this.#waiting.push(go));
    this.#numDecodes += 1;
    try {
      const { pixels, counters, nowMs } = this.#options;
      const startMs = nowMs();
      const bytes = await readUnchanged(file);
      const image = await decodeImage(bytes, decode).catch((error: unknown) => {
        throw named(error, file);
      });
      counters.addTime('decodeNs', startMs, nowMs());
      counters.add('imagesDecoded', 1);
      pixels.put(decodeKey(file.sha256, decode), image);
      return image;
    } finally {
      this.#numDecodes -= 1;
      this.#waiting.shift()?.();
    }
  }

  #render(
    file: ImageFile,
    image: DecodedImage,
    view: number,
    images_NCHW: Float32Array,
    row: number,
  ): void {
    const { settings, counters, nowMs } = this.#options;
    const { augment, seed, preprocessing } = settings;
    const startMs = nowMs();
    const parameters = viewParameters(augment, seed, file.id, view);
    const rowLength = 3 * preprocessing.imageSize ** 2;
    renderView(image, parameters, preprocessing, images_NCHW, row * rowLength);
    counters.addTime('augmentNs', startMs, nowMs());
  }
}

/** The file's bytes, if they are those that the manifest was made of. */
async function readUnchanged(file: ImageFile): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file.path);
  } catch (error) {
    throw new FtctlError('FT_DATA_CHANGED', {
      what: `The image ${file.path} cannot be read any more.`,
      why: error instanceof Error ? `${error.message}.` : String(error),
      cause: error,
      details: { id: file.id, path: file.path },
    });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== file.sha256) {
    throw new FtctlError('FT_DATA_CHANGED', {
      what: `The image ${file.path} is not the one that the run was started with.`,
      why: `Its SHA-256 is ${sha256}; the manifest says ${file.sha256}.`,
      details: { id: file.id, path: file.path, sha256, expected: file.sha256 },
    });
  }
  return bytes;
}

/** The decoder saw bytes only; the user needs the file's name. */
function named(error: unknown, file: ImageFile): unknown {
  if (!(error instanceof FtctlError) || error.code !== 'FT_DATA_BAD_FILE') return error;
  const reason = String(error.details?.['reason']);
  return new FtctlError('FT_DATA_BAD_FILE', {
    what: `${file.path} cannot be used: ${reason}.`,
    cause: error,
    details: { path: file.path, reason },
  });
}
