/**
 * One process that does nothing but run the backbone: the ceiling that the whole pipeline is measured against.
 *
 *     tsx bench/support/forward-alone.ts MODEL SIZE THREADS BATCH SECONDS
 *
 * Prints images per second of the best path there is: one preallocated batch, no decoding, no augmentation.
 */
import { openFeatureEngine } from '../../src/engines/onnx-feature-engine.js';

const [modelPath, size, threads, batch, seconds] = process.argv.slice(2);
const imageSize = Number(size);
const numImages = Number(batch);
const engine = await openFeatureEngine({
  modelPath: modelPath!,
  imageSize,
  provider: 'cpu',
  threads: Number(threads),
});
const images_NCHW = Float32Array.from(
  { length: numImages * 3 * imageSize * imageSize },
  (_, i) => Math.sin(i * 0.37) * 2,
);
for (let warmUp = 0; warmUp < 3; warmUp++) await engine.run(images_NCHW, numImages);
const begin = performance.now();
let images = 0;
while (performance.now() - begin < Number(seconds) * 1000) {
  await engine.run(images_NCHW, numImages);
  images += numImages;
}
process.stdout.write(`${(images * 1000) / (performance.now() - begin)}\n`);
await engine.close();
