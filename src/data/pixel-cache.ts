/** A decoded image: `pixels_HWC` uint8 RGB at the working resolution. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly pixels_HWC: Uint8Array;
}

/** Keeps decoded images by key. A cache may forget anything at any time; it never returns damaged data. */
export interface PixelCache {
  get(key: string): DecodedImage | undefined;
  put(key: string, image: DecodedImage): void;
}

/** The cache that keeps nothing. */
export const noPixelCache: PixelCache = { get: () => undefined, put: () => undefined };
