/**
 * Port: runs the frozen backbone. Lives in a worker thread, so `run` may block it.
 * Contract (test/contract): a row's bits don't depend on the batch that it is in, its place in it, or thread count.
 */
export interface FeatureEngine {
  /** Number of features of a row (F). */
  readonly width: number;
  /** `images_NCHW` (N * 3 * size * size, normalised) -> `features_NF`. */
  run(images_NCHW: Float32Array, numImages: number): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface FeatureEngineOptions {
  /** Path of the backbone's ONNX file: input `images` [N,3,S,S], output `features` [N,F]. */
  readonly modelPath: string;
  readonly imageSize: number;
  readonly provider: 'cpu' | 'cuda' | 'webgpu';
  readonly threads: number;
}
