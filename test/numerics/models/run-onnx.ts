import { OnnxSession } from '../../../src/engines/onnx-session.js';

/** Runs a graph with the one input `images` on the CPU, and gives its one output. */
export async function runImages(
  model: Uint8Array,
  images_NCHW: Float32Array,
  dims: readonly number[],
): Promise<Float32Array> {
  const session = await OnnxSession.open(model, { provider: 'cpu', threads: 1 });
  try {
    const outputs = await session.run({ images: { data: images_NCHW, dims } });
    return Object.values(outputs)[0]!;
  } finally {
    await session.close();
  }
}
