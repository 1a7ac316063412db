import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderView } from '../../../src/data/augment.js';
import { decodeImage } from '../../../src/data/decode.js';
import { plainParameters } from '../../../src/data/view-parameters.js';
import { openFeatureEngine } from '../../../src/engines/onnx-feature-engine.js';
import type { FtctlError } from '../../../src/errors/index.js';
import { evaluate } from '../../../src/inference/evaluate.js';
import { predict } from '../../../src/inference/predict.js';
import { writeArtifacts } from '../../../src/models/artifacts.js';
import { headLayout, initialHead } from '../../../src/models/head.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import {
  makeTinyData,
  tinyBackground,
  tinyImageSize,
  type TinyData,
} from '../../support/features/tiny-data.js';

const classNames = ['zebra', 'class-0', 'class-1', 'apple'];
const numImages = 40;
let data: TinyData;
let modelDir: string;
/** Logits in double precision: the backbone's features, one image at a time, times the head. */
let expectedLogits: (image: string) => Promise<number[]>;
let closeEngine: () => Promise<void>;

beforeAll(async () => {
  data = await makeTinyData(numImages, 2);
  const head = { ...data.prepared.head, numClasses: 4 };
  const prepared = {
    ...{ ...data.prepared, numClasses: 4, head },
    parameters: headLayout(head).entries.map(({ name, shape }) => ({ name, shape })),
  };
  const { preprocessing } = prepared;
  const engine = await openFeatureEngine({
    modelPath: data.modelPath,
    imageSize: tinyImageSize,
    provider: 'cpu',
    threads: 1,
  });
  closeEngine = () => engine.close();
  const featuresOf = async (image: string): Promise<Float32Array> => {
    const decoded = await decodeImage(image, {
      workingSide: preprocessing.resizeSide,
      background: tinyBackground,
    });
    const images_NCHW = new Float32Array(3 * tinyImageSize ** 2);
    renderView(decoded, plainParameters, preprocessing, images_NCHW, 0);
    return await engine.run(images_NCHW, 1);
  };

  // A head that tells the images apart: random weights, large, and biases that make the mean logits 0.
  const { entries, length } = headLayout(head);
  const at = (name: string): number => entries.find((entry) => entry.name === name)!.offset;
  const parameters = initialHead(head, 3).map((value) => value * 2000);
  const logitsWithoutBias = (features_F: Float32Array): number[] =>
    classNames.map((_, k) => {
      const start = at(head.weightName) + k * head.numFeatures;
      return features_F.reduce((sum, value, f) => sum + value * parameters[start + f]!, 0);
    });
  const all = await Promise.all(data.manifest.samples.map((_, i) => featuresOf(imageOf(i))));
  expect(length).toBe(4 * head.numFeatures + 4);
  for (let k = 0; k < 4; k += 1) {
    const mean = all.reduce((sum, row_F) => sum + logitsWithoutBias(row_F)[k]! / numImages, 0);
    parameters[at(head.biasName) + k] = -mean;
  }
  expectedLogits = async (image) =>
    logitsWithoutBias(await featuresOf(image)).map(
      (logit, k) => logit + parameters[at(head.biasName) + k]!,
    );
  modelDir = join(data.root, 'model');
  await writeArtifacts(modelDir, {
    prepared,
    blobs: new BlobStore(data.cacheDir),
    ...{ parameters, statistics: new Float32Array(0), updates: [1] },
    classIds: classNames,
    classNames,
  });
});
afterAll(async () => {
  await closeEngine();
  data.remove();
});

const imageOf = (index: number): string => join(data.dataRoot, data.manifest.samples[index]!.path);

function probabilities(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((a, b) => a + b);
  return exponentials.map((value) => value / sum);
}

async function rejection(promise: Promise<unknown>): Promise<FtctlError> {
  return await promise.then(
    () => expect.unreachable('it did not reject'),
    (error: unknown) => error as FtctlError,
  );
}

it('both end between batches once their signal aborts', async () => {
  // Two batches and a part of a third; the signal is found aborted after the first is decoded.
  const images = Array.from({ length: 2 * numImages }, (_, i) => imageOf(i % numImages));
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(predict({ modelDir, images, top: 1, threads: 1, signal })).rejects.toThrow('enough');
  const folder = join(data.root, 'stopped');
  mkdirSync(join(folder, 'zebra'), { recursive: true });
  cpSync(imageOf(0), join(folder, 'zebra', '0.png'));
  const scored = evaluate({ modelDir, data: folder, threads: 1, signal });
  await expect(scored).rejects.toThrow('enough');
  rmSync(folder, { recursive: true });
});

describe('predict', () => {
  it('gives the likeliest classes of each image in order, from the model folder alone', async () => {
    const images = Array.from({ length: numImages }, (_, i) => imageOf(i));
    const predictions = await predict({ modelDir, images, top: 3, threads: 1 });
    expect(predictions.map(({ image }) => image)).toEqual(images);
    const answers = new Set<string>();
    for (const { image, top } of predictions) {
      const expected = probabilities(await expectedLogits(image))
        .map((probability, k) => ({ label: classNames[k]!, probability }))
        .sort((a, b) => b.probability - a.probability)
        .slice(0, 3);
      expect(top.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
      const logits = await expectedLogits(image);
      top.forEach(({ label, probability, logit }, i) => {
        expect(probability).toBeCloseTo(expected[i]!.probability, 4);
        expect(logit).toBeCloseTo(logits[classNames.indexOf(label)]!, 2);
      });
      answers.add(top[0]!.label);
    }
    expect(answers.size).toBeGreaterThan(1);
  });

  it('gives all classes, and probabilities that sum to 1, when more are asked for than there are', async () => {
    const [prediction] = await predict({ modelDir, images: [imageOf(0)], top: 99 });
    expect(prediction!.top).toHaveLength(4);
    expect(prediction!.top.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1);
  });

  it('does not depend on the other images', async () => {
    const images = [imageOf(1), imageOf(2), imageOf(3)];
    const together = await predict({ modelDir, images, top: 4 });
    const alone = await predict({ modelDir, images: [imageOf(2)], top: 4 });
    expect(together[1]).toEqual(alone[0]);
  });

  it('gives an image that cannot be used its error, and the others their classes', async () => {
    const notes = join(data.root, 'notes.png');
    writeFileSync(notes, 'hello');
    const images = [notes, imageOf(0), '/no/such.png', imageOf(1)];
    const [bad, first, missing, second] = await predict({ modelDir, images, top: 2 });
    const alone = await predict({ modelDir, images: [imageOf(0), imageOf(1)], top: 2 });
    expect([first, second]).toEqual(alone);
    expect(alone.map(({ error }) => error)).toEqual([null, null]);
    expect(bad!.top).toEqual([]);
    expect(bad!.error).toMatchObject({
      code: 'FT_DATA_BAD_FILE',
      message: `${notes} cannot be used: it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image.`,
    });
    expect(missing!.error!.message).toBe('/no/such.png cannot be used: it does not exist.');
  });

  it('takes a folder for the images in it, at any depth', async () => {
    const photos = join(data.root, 'photos');
    cpSync(imageOf(1), join(photos, 'deep', 'b.png'));
    cpSync(imageOf(0), join(photos, 'a.png'));
    writeFileSync(join(photos, 'README.md'), 'no image');
    const predictions = await predict({ modelDir, images: [photos, imageOf(2)], top: 1 });
    expect(predictions.map(({ image, error }) => [image, error])).toEqual([
      [join(photos, 'a.png'), null],
      [join(photos, 'deep', 'b.png'), null],
      [imageOf(2), null],
    ]);
    const empty = join(data.root, 'empty');
    mkdirSync(empty);
    const withEmpty = await predict({ modelDir, images: [photos, empty, imageOf(2)], top: 1 });
    expect(withEmpty.map(({ image }) => image)).toEqual([
      join(photos, 'a.png'),
      join(photos, 'deep', 'b.png'),
      empty,
      imageOf(2),
    ]);
    expect(withEmpty.filter((_, i) => i !== 2)).toEqual(predictions);
    expect(withEmpty[2]!.top).toEqual([]);
    expect(withEmpty[2]!.error).toMatchObject({
      code: 'FT_DATA_EMPTY',
      message: `${empty} has no images.`,
    });
  });

  it('says what to do about a folder without a model', async () => {
    const error = await rejection(predict({ modelDir: data.dataRoot, images: [], top: 1 }));
    expect(error.code).toBe('FT_ARTIFACTS_NOT_FOUND');
    expect(error.remedy).toBe('Name a run that has finished, or its `model/` folder.');
  });

  it('refuses files that do not belong together', async () => {
    const mixed = join(data.root, 'mixed');
    cpSync(modelDir, mixed, { recursive: true });
    writeFileSync(join(mixed, 'labels.json'), '["one", "two"]');
    writeFileSync(join(mixed, 'class-ids.json'), '["one", "two"]');
    const error = await rejection(predict({ modelDir: mixed, images: [imageOf(0)], top: 1 }));
    expect(error.code).toBe('FT_ARTIFACTS_DAMAGED');
    expect(error.message).toBe(
      `The files of the trained model in ${mixed} do not belong together. model.onnx has 4 classes and takes 32 px; ` +
        'labels.json names 2 classes and preprocessing.json says 32 px.',
    );
    cpSync(join(modelDir, 'labels.json'), join(mixed, 'labels.json'));
    const other = await rejection(predict({ modelDir: mixed, images: [imageOf(0)], top: 1 }));
    expect(other.message).toBe(
      `The trained model's files in ${mixed} do not belong together. labels.json has 4 classes, class-ids.json has 2.`,
    );
  });
});

describe('evaluate', () => {
  it('scores an image folder: loss, accuracy and each class, classes matched by name', async () => {
    const result = await evaluate({ modelDir, data: data.dataRoot, threads: 1 });
    let lossSum = 0;
    const perClass = classNames.map((label) => ({ label, samples: 0, correct: 0 }));
    const mistakes: [path: string, said: string, is: string, probability: number][] = [];
    for (const [index, sample] of data.manifest.samples.entries()) {
      const label = classNames.indexOf(data.manifest.classNames[sample.label]!);
      const logits = await expectedLogits(imageOf(index));
      lossSum -= Math.log(probabilities(logits)[label]!);
      perClass[label]!.samples += 1;
      const said = logits.indexOf(Math.max(...logits));
      if (said === label) perClass[label]!.correct += 1;
      else {
        const probability = probabilities(logits)[said]!;
        mistakes.push([sample.path, classNames[said]!, classNames[label]!, probability]);
      }
    }
    expect(result.samples).toBe(numImages);
    expect(result.loss).toBeCloseTo(lossSum / numImages, 4);
    expect(
      result.perClass.map(({ label, samples, correct }) => ({ label, samples, correct })),
    ).toEqual(perClass);
    expect(result.confusion.map((row) => row.reduce((sum, n) => sum + n, 0))).toEqual(
      perClass.map(({ samples }) => samples),
    );
    mistakes.sort((a, b) => b[3] - a[3]);
    expect(mistakes.length).toBeGreaterThan(0);
    expect(result.worstMistakes).toHaveLength(Math.min(10, mistakes.length));
    result.worstMistakes.forEach((mistake, i) => {
      expect(mistake.probability).toBeCloseTo(mistakes[i]![3], 4);
    });
    const [worst] = result.worstMistakes;
    const asExpected = mistakes.find(([path]) => path === worst!.path);
    expect([worst!.said, worst!.is]).toEqual(asExpected!.slice(1, 3));
    const correct = perClass.reduce((sum, score) => sum + score.correct, 0);
    expect(result.accuracy).toBe(correct / numImages);
    expect(correct).toBeGreaterThan(0);
    expect(result.skipped).toEqual([]);
  });

  it('scores a folder with splits and manifests to the same, where they hold the same', async () => {
    const whole = await evaluate({ modelDir, data: data.dataRoot });
    const split = join(data.root, 'split');
    for (const { path, split: name } of data.manifest.samples) {
      cpSync(join(data.dataRoot, path), join(split, name, path));
    }
    const csv = join(data.dataRoot, 'list.csv');
    const jsonl = join(data.dataRoot, 'list.jsonl');
    const rows = data.manifest.samples.map(({ path, label }) => ({
      path,
      label: data.manifest.classNames[label]!,
    }));
    writeFileSync(csv, ['path,label', ...rows.map((row) => `${row.path},${row.label}`)].join('\n'));
    writeFileSync(jsonl, rows.map((row) => JSON.stringify(row)).join('\n'));
    for (const other of [split, csv, jsonl]) {
      const result = await evaluate({ modelDir, data: other, split: 'all' });
      expect(result.perClass).toEqual(whole.perClass);
      expect(result.loss).toBeCloseTo(whole.loss, 10);
    }
    const val = data.manifest.samples.filter((sample) => sample.split === 'val').length;
    expect(await evaluate({ modelDir, data: split })).toMatchObject({
      split: 'val',
      splits: { train: numImages - val, val },
      samples: val,
    });
    rmSync(csv);
    rmSync(jsonl);
  });

  it('matches classes by what the training data called them, where the model has names of its own', async () => {
    const byName = await evaluate({ modelDir, data: data.dataRoot });
    const named = join(data.root, 'named');
    cpSync(modelDir, named, { recursive: true });
    writeFileSync(join(named, 'class-ids.json'), JSON.stringify(classNames));
    writeFileSync(join(named, 'labels.json'), '["class-1", "Zero", "One", "class-0"]');
    const byId = await evaluate({ modelDir: named, data: data.dataRoot });
    expect(byId.accuracy).toBe(byName.accuracy);
    expect(byId.perClass.map(({ label, samples }) => [label, samples])).toEqual([
      ['class-1', 0],
      ['Zero', byName.perClass[1]!.samples],
      ['One', byName.perClass[2]!.samples],
      ['class-0', 0],
    ]);
    writeFileSync(join(named, 'class-ids.json'), '["21", "22", "23", "24"]');
    writeFileSync(join(named, 'labels.json'), '["rose", "class-0", "lily", "aster"]');
    const error = await rejection(evaluate({ modelDir: named, data: data.dataRoot }));
    expect(error.message).toBe(
      `${data.dataRoot} has 1 class that the model does not know: class-1. The model was trained on 4 classes: ` +
        'rose (21), class-0 (22), lily (23), aster (24), which the data has to call all by their names or all as in brackets.',
    );
  });

  it('names classes that the model does not know', async () => {
    const other = join(data.root, 'other');
    mkdirSync(join(other, 'pear'), { recursive: true });
    cpSync(imageOf(0), join(other, 'pear', 'a.png'));
    cpSync(imageOf(1), join(other, 'apple', 'b.png'));
    const error = await rejection(evaluate({ modelDir, data: other }));
    expect(error.code).toBe('FT_EVALUATE_CLASSES');
    expect(error.message).toBe(
      `${other} has 1 class that the model does not know: pear. ` +
        'The model was trained on 4 classes: zebra, class-0, class-1, apple.',
    );
  });

  it('stops with a list of the files that cannot be used, or leaves them out', async () => {
    const bad = join(data.root, 'bad');
    cpSync(imageOf(0), join(bad, 'class-0', 'a.png'));
    cpSync(imageOf(1), join(bad, 'class-1', 'b.png'));
    writeFileSync(join(bad, 'class-0', 'empty.png'), '');
    writeFileSync(join(bad, 'class-1', 'text.jpg'), 'text');
    const error = await rejection(evaluate({ modelDir, data: bad }));
    expect(error.code).toBe('FT_DATA_BAD_FILES');
    expect(error.message).toBe(
      `2 of 4 images in ${bad} cannot be used: class-0/empty.png: the file is empty, ` +
        'class-1/text.jpg: it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image.',
    );
    const result = await evaluate({ modelDir, data: bad, onBadFile: 'skip' });
    expect(result.samples).toBe(2);
    expect(result.skipped).toEqual([
      { path: 'class-0/empty.png', reason: 'the file is empty' },
      { path: 'class-1/text.jpg', reason: 'it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image' },
    ]);
  });

  it('says what is wrong with data that is not there, or of another kind', async () => {
    const absent = await rejection(evaluate({ modelDir, data: '/no/such' }));
    expect(absent.code).toBe('FT_DATA_NOT_FOUND');
    expect(absent.message).toBe('The data /no/such cannot be used: it does not exist.');
    const text = join(data.root, 'list.txt');
    writeFileSync(text, '');
    const other = await rejection(evaluate({ modelDir, data: text }));
    expect(other.code).toBe('FT_DATA_SOURCE');
    expect(other.message).toBe(
      `The data ${text} is a file that ends neither in .csv nor in .jsonl.`,
    );
  });
});
