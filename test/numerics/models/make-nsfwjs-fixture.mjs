// Makes nsfwjs-features.json with tfjs, from the unpacked npm package nsfwjs 4.4.0:
//   npm install @tensorflow/tfjs@4.22.0   (anywhere)
//   node make-nsfwjs-fixture.mjs FOLDER_WITH_NODE_MODULES UNPACKED_PACKAGE
// The original models run on tfjs' cpu backend. They ask for 224 px (inception_v3: 299) and average all places of their last
// maps; to judge other sizes, the input's shape is edited, what follows the maps is cut off, and the average is taken over
// what places there are. The layers models' MobileNetV2 pads for even sizes, so that odd ones are left to the graph model.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [modules, packageDir] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), 'anything.js'));
const tf = require('@tensorflow/tfjs');

/** A model's JSON, and its weights. */
function read(name, numShards) {
  const dir = join(resolve(packageDir), 'dist', 'models', name);
  const shards = Array.from({ length: numShards }, (_, i) =>
    Buffer.from(require(join(dir, `group1-shard${i + 1}of${numShards}.min.js`)), 'base64'),
  );
  const weights = Buffer.concat(shards);
  return {
    json: JSON.parse(JSON.stringify(require(join(dir, 'model.min.js')))),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
  };
}

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

async function mapsOfGraph(name, numShards, size, input) {
  const { json, weightData } = read(name, numShards);
  const shapes = [
    json.userDefinedMetadata.signature.inputs['input:0'].tensorShape,
    json.modelTopology.node.find(({ op }) => op === 'Placeholder').attr.shape.shape,
  ];
  for (const { dim } of shapes) dim[1].size = dim[2].size = String(size);
  const loaded = await tf.loadGraphModel({
    load: async () => ({
      format: json.format,
      modelTopology: json.modelTopology,
      userDefinedMetadata: json.userDefinedMetadata,
      weightSpecs: json.weightsManifest[0].weights,
      weightData,
    }),
  });
  const last = json.modelTopology.node.find((node) => node.name.endsWith('/Conv_1/Relu6')).name;
  return loaded.execute(input, last);
}

async function mapsOfLayers(name, numShards, last, size, input) {
  const { json, weightData } = read(name, numShards);
  const { config } = json.modelTopology.model_config;
  config.layers[0].config.batch_input_shape = [null, size, size, 3];
  config.layers.length = 1 + config.layers.findIndex((layer) => layer.name === last);
  config.output_layers = [[last, 0, 0]];
  delete json.modelTopology.training_config;
  const load = async () => ({
    modelTopology: json.modelTopology,
    weightSpecs: json.weightsManifest[0].weights,
    weightData,
  });
  const loaded = await tf.loadLayersModel({ load }, { strict: false });
  return loaded.predict(input);
}

async function features(maps, size) {
  const result = await maps(size, tf.tensor4d(image_HWC(size), [1, size, size, 3]));
  const data = await result.mean([1, 2]).data();
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

const models = {
  mobilenet_v2_mid: { sizes: [97, 128], maps: mapsOfGraph.bind(null, 'mobilenet_v2_mid', 2) },
  mobilenet_v2: {
    sizes: [128, 224],
    maps: mapsOfLayers.bind(null, 'mobilenet_v2', 1, 'out_relu'),
  },
  inception_v3: {
    sizes: [128, 299],
    maps: mapsOfLayers.bind(null, 'inception_v3', 6, 'mixed10'),
  },
};
await tf.setBackend('cpu');
const fixture = {};
for (const [name, { sizes, maps }] of Object.entries(models)) {
  fixture[name] = {};
  for (const size of sizes) fixture[name][size] = await features(maps, size);
}
writeFileSync(
  new URL('../fixtures/models/nsfwjs-features.json', import.meta.url),
  `${JSON.stringify(fixture)}\n`,
);
