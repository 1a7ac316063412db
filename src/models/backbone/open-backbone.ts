import type { OnnxModelSpec } from '../../config/run-spec.js';
import { OnnxSession, type SessionValue } from '../../engines/onnx-session.js';
import { FtctlError } from '../../errors/index.js';
import { headLayout } from '../head.js';
import { onnxMetadata } from '../onnx/metadata.js';
import { readFailure } from '../../util/read-failure.js';
import { sentenceCase } from '../../util/sentence-case.js';
import { filesBeside } from '../weights/files-beside.js';
import { checkNormalisation, savedNormalisation } from '../weights/saved-normalisation.js';
import { isPth } from '../weights/pth/read-pth.js';
import { maxWeightsBytes, readWeightsFile } from '../weights/weights-file.js';
import type { Normalisation } from '../weights/weights-source.js';
import type { HeadDescription } from '../prepared-model.js';
import { backboneGraph, type BackboneNames, trainedGraph } from './join-graphs.js';
import { type FeatureMeasure, measureFeatures } from './measure-features.js';

export interface BackboneOptions {
  readonly imageSize: number;
  /** How the run normalises images: compared with what the file says, where it does. */
  readonly normalisation: Normalisation;
}

export interface Backbone extends FeatureMeasure {
  /** ONNX: `images` [N, 3, S, S] -> `features` [N, F]. */
  readonly graph: Uint8Array;
}

/**
 * Reads a backbone of the user's own, checks that it is one, and brings it into the form that ftctl's own have. Rejects with
 * FT_BACKBONE_*, or FT_WEIGHTS_PREPROCESSING where the file says that its images are normalised otherwise.
 */
export async function openBackbone(
  { onnx: path, output }: OnnxModelSpec,
  { imageSize, normalisation }: BackboneOptions,
): Promise<Backbone> {
  const model = await readModel(path);
  // Before onnxruntime opens them: not each name is that of a plain file.
  const external = await filesBeside(path, model).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const names = await checkedNames(path, output, imageSize);
  const saved = savedNormalisation(
    read(path, () => onnxMetadata(model)),
    path,
  );
  checkNormalisation(path, saved, normalisation);
  const graphOf = (numFeatures: number | string): Uint8Array =>
    read(path, () => backboneGraph(model, names, { imageSize, numFeatures, external }));
  const probe = graphOf('F');
  if (probe.length > maxWeightsBytes) {
    throw unusable(path, `It has ${probe.length} bytes; at most ${maxWeightsBytes} can be used.`);
  }
  const measure = await measureFeatures(probe, { path, imageSize });
  const graph = graphOf(measure.numFeatures);
  await checkHead(path, graph, measure.numFeatures);
  return { graph, ...measure };
}

/** The classifier that is trained on a backbone's features. */
export function backboneHead(numFeatures: number, numClasses: number): HeadDescription {
  return {
    kind: 'linear',
    ...{ weightName: 'classifier.weight', biasName: 'classifier.bias' },
    ...{ numFeatures, numClasses },
  };
}

/**
 * Loads the model that training would end with. The head is written in today's operators, which a file of an old operator set does
 * not have: that is to be known before the training, not after it.
 */
async function checkHead(path: string, graph: Uint8Array, numFeatures: number): Promise<void> {
  const head = backboneHead(numFeatures, 1);
  const parameters = new Float32Array(headLayout(head).length);
  const model = read(path, () => trainedGraph(graph, head, parameters, {}));
  try {
    await (await OnnxSession.open(model, { provider: 'cpu', threads: 1 })).close();
  } catch (error) {
    throw unusable(
      path,
      `onnxruntime does not load it with a classifier behind it: ${FtctlError.from(error).message}`,
      error,
      'Export it again with operator set 7 or later (`opset_version` of `torch.onnx.export`).',
    );
  }
}

function unusable(path: string, why: string, cause?: unknown, remedy?: string): FtctlError {
  return new FtctlError('FT_BACKBONE_FILE', {
    what: `The backbone ${path} cannot be used.`,
    ...{ why, cause, details: { path } },
    ...(remedy === undefined ? {} : { remedy }),
  });
}

async function readModel(path: string): Promise<Buffer> {
  let model: Buffer;
  try {
    model = await readWeightsFile(path);
  } catch (error) {
    const { code, message, cause } = FtctlError.from(error);
    throw code === 'FT_WEIGHTS_NOT_FOUND'
      ? unusable(
          path,
          `${sentenceCase(readFailure(cause))}.`,
          error,
          'Check `model.onnx`: a relative path counts from the configuration file, in `--set` from the current folder.',
        )
      : unusable(path, message, error);
  }
  if (!isPth(model)) return model;
  throw unusable(
    path,
    'It is a PyTorch file, which has weights and no network.',
    undefined,
    'Export the network in Python: `torch.onnx.export(model, images, PATH, ...)`, or name the file as `model.weights`, with the `model.architecture` that it is of.',
  );
}

function read<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): FtctlError {
  return unusable(path, `${error instanceof Error ? error.message : String(error)}.`, error);
}

/** Loads the file as it is, for what it says of its inputs and outputs. */
async function checkedNames(
  path: string,
  output: string | null,
  imageSize: number,
): Promise<BackboneNames> {
  let session: OnnxSession;
  try {
    session = await OnnxSession.open(path, { provider: 'cpu', threads: 1 });
  } catch (error) {
    const { code, message } = FtctlError.from(error);
    if (code !== 'FT_ENGINE_MODEL') throw error;
    throw unusable(path, message, error);
  }
  try {
    return {
      input: imageInput(path, session.inputs, imageSize),
      output: featureOutput(path, session.outputs, output),
    };
  } finally {
    await session.close();
  }
}

function describe({ name, type, shape }: SessionValue): string {
  const sides = shape.map((side) => (side === '' ? '?' : side)).join(', ');
  return `${name} (${type ?? 'no tensor'} [${sides}])`;
}

function list(values: readonly SessionValue[]): string {
  return values.map(describe).join(', ');
}

const isFixed = (side: number | string | undefined): side is number =>
  typeof side === 'number' && side >= 0;

function imageInput(path: string, inputs: readonly SessionValue[], imageSize: number): string {
  const refused = (why: string, remedy?: string): FtctlError =>
    new FtctlError('FT_BACKBONE_INPUT', {
      what: `The backbone ${path} does not take the run's images.`,
      ...{ why, details: { path, inputs } },
      ...(remedy === undefined ? {} : { remedy }),
    });
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    throw refused(`It has ${inputs.length} inputs, not one: ${list(inputs) || 'none'}.`);
  }
  const [numImages, channels, height, width] = input.shape;
  if (
    input.type !== 'float32' ||
    input.shape.length !== 4 ||
    (isFixed(channels) && channels !== 3)
  ) {
    throw refused(`Its input is ${describe(input)}, not float32 [N, 3, H, W].`);
  }
  if (isFixed(numImages)) {
    throw refused(
      `Its input is ${describe(input)}, for ${numImages} images at a time and no other number.`,
      'Export it again with a dynamic batch: `dynamic_shapes` (or `dynamic_axes`) of `torch.onnx.export`.',
    );
  }
  if ([height, width].some((side) => isFixed(side) && side !== imageSize)) {
    throw refused(
      `Its input is ${describe(input)}, and data.imageSize is ${imageSize}.`,
      height === width
        ? `Set data.imageSize to ${height}, or export it again with dynamic height and width.`
        : 'Export it again for square images.',
    );
  }
  return input.name;
}

function featureOutput(
  path: string,
  outputs: readonly SessionValue[],
  wanted: string | null,
): string {
  const refused = (what: string, why: string): FtctlError =>
    new FtctlError('FT_BACKBONE_OUTPUT', {
      ...{ what, why, details: { path, outputs } },
      remedy: `Set model.output to the one with the features: ${outputs.map(({ name }) => name).join(', ')}.`,
    });
  if (wanted === null && outputs.length > 1) {
    throw refused(
      `The backbone ${path} has ${outputs.length} outputs.`,
      `model.output does not say which one has the features: ${list(outputs)}.`,
    );
  }
  const output = wanted === null ? outputs[0] : outputs.find(({ name }) => name === wanted);
  if (output === undefined) {
    throw refused(
      `The backbone ${path} has no output ${JSON.stringify(wanted)}.`,
      `Its outputs are ${list(outputs)}.`,
    );
  }
  if (output.type !== 'float32' || ![2, 4].includes(output.shape.length)) {
    throw refused(
      `The backbone ${path} gives ${describe(output)}.`,
      'Features are float32 [N, F] or [N, C, H, W].',
    );
  }
  return output.name;
}
