// Makes nsfwjs-features.json with tfjs, from the unpacked npm package nsfwjs 4.4.0:
//   npm install @tensorflow/tfjs@4.22.0   (anywhere)
//   node make-nsfwjs-fixture.mjs FOLDER_WITH_NODE_MODULES UNPACKED_PACKAGE
// The original graph runs on tfjs' cpu backend. It asks for 224 px and averages 7 x 7 places; to judge other sizes, the
// input's shape is edited and the average is taken over what places there are.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [modules, packageDir] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), 'anything.js'));
const tf = require('@tensorflow/tfjs');
const dir = join(resolve(packageDir), 'dist', 'models', 'mobilenet_v2_mid');
const original = require(join(dir, 'model.min.js'));
const weights = Buffer.concat(
  ['group1-shard1of2', 'group1-shard2of2'].map((name) =>
    Buffer.from(require(join(dir, `${name}.min.js`)), 'base64'),
  ),
);

/** The image of nsfwjs.test.ts, in TensorFlow's layout. */
function image_HWC(size) {
  const image = new Float32Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < 3; c++) {
        const code = c * 31 + y * 13 + x * 17 + ((x * y) % 23) * 11;
        image[(y * size + x) * 3 + c] = (code % 256) / 255;
      }
    }
  }
  return image;
}

async function features(size) {
  const model = JSON.parse(JSON.stringify(original));
  const shapes = [
    model.userDefinedMetadata.signature.inputs['input:0'].tensorShape,
    model.modelTopology.node.find(({ op }) => op === 'Placeholder').attr.shape.shape,
  ];
  for (const { dim } of shapes) dim[1].size = dim[2].size = String(size);
  const loaded = await tf.loadGraphModel({
    load: async () => ({
      format: model.format,
      modelTopology: model.modelTopology,
      userDefinedMetadata: model.userDefinedMetadata,
      weightSpecs: model.weightsManifest[0].weights,
      weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
    }),
  });
  const last = model.modelTopology.node.find(({ name }) => name.endsWith('/Conv_1/Relu6')).name;
  const input = tf.tensor4d(image_HWC(size), [1, size, size, 3]);
  const data = await loaded.execute(input, last).mean([1, 2]).data();
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

await tf.setBackend('cpu');
const fixture = {};
for (const size of [97, 128]) fixture[size] = await features(size);
writeFileSync(
  new URL('../fixtures/models/nsfwjs-features.json', import.meta.url),
  `${JSON.stringify(fixture)}\n`,
);
