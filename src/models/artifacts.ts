import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Preprocessing } from '../data/preprocessing.js';
import { readFailure } from '../util/read-failure.js';
import { FtctlError } from '../errors/index.js';
import { diskError, writeFileAtomic } from '../util/atomic-file.js';
import type { BlobStore } from '../util/blob-store.js';
import { replaceFolder } from '../util/replace-folder.js';
import { trainedGraph } from './backbone/join-graphs.js';
import { lowerNetwork } from './onnx/lower-network.js';
import type { PreparedModel } from './prepared-model.js';
import { describeNetwork, type NetworkSpec } from './registry.js';
import { exportedTensors, type StateVectors } from './run-tensors.js';
import { stateDictSpecs } from './tensor-specs.js';
import { readRunWeights } from './weights/run-weights.js';
import { encodeSafetensors } from './weights/safetensors.js';
import {
  encodeNormalisation,
  normalisationKey,
  preprocessingKey,
} from './weights/saved-normalisation.js';
import type { StoredTensor, TensorSet } from './weights/tensor-set.js';

/** A trained model's files, in the folder `model/` of a run. Nothing else is needed to use it. */
const files = {
  /** The whole network: `images` [N, 3, S, S], normalised, to `logits` [N, K]. */
  model: 'model.onnx',
  /** The state dict with torchvision's names; not there for networks that torchvision does not have. */
  weights: 'model.safetensors',
  /** Class names in the order of the logits. */
  labels: 'labels.json',
  /** What the training data called these classes, in the same order: folder names, or labels as written. */
  classIds: 'class-ids.json',
  preprocessing: 'preprocessing.json',
} as const;

/** What is the same for all models, for readers that do not know ftctl: the order of the channels, and what pixels / 255 span. */
const colors = { channelOrder: 'RGB', valueRange: [0, 1] } as const;

const rgb = z.tuple([z.number(), z.number(), z.number()]);
const labelsSchema = z.array(z.string()).min(1);
const preprocessingSchema = z
  .object({
    imageSize: z.number().int().positive(),
    /** Models of ftctl 0.1 have none: it was the image size. */
    resizeSide: z.number().int().positive().optional(),
    mean: rgb,
    std: rgb,
    background: rgb,
  })
  .transform((read) => ({ ...read, resizeSide: read.resizeSide ?? read.imageSize }));

/**
 * The trained network's state dict, with torchvision's names in torchvision's order: `load_state_dict(strict=True)` takes
 * it. Throws FT_MODEL_NO_STATE_DICT for a network that torchvision does not have.
 */
export function stateDict(spec: NetworkSpec, tensors: TensorSet): Map<string, StoredTensor> {
  if (spec.convention !== 'torchvision') {
    throw new FtctlError('FT_MODEL_NO_STATE_DICT', {
      what: `This ${spec.architecture} pads as TensorFlow does.`,
      why: 'torchvision pads on both sides alike, so the same weights would give other results there.',
    });
  }
  return new Map(
    stateDictSpecs(describeNetwork(spec)).map(({ name }) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new Error(`the trained network lacks ${name}`);
      return [name, tensor];
    }),
  );
}

/** The trained state, and what it was trained of. */
export interface ArtifactsInput extends StateVectors {
  readonly prepared: PreparedModel;
  readonly blobs: BlobStore;
  /** How often each phase has updated the state. */
  readonly updates: readonly number[];
  /** Of the manifest, both in the order of the logits. */
  readonly classIds: readonly string[];
  readonly classNames: readonly string[];
}

/** The trained network's files. */
async function networkFiles(
  { prepared, blobs, parameters, statistics, updates }: ArtifactsInput,
  metadata: Readonly<Record<string, string>>,
): Promise<[string, Uint8Array][]> {
  const { head, preprocessing } = prepared;
  const weights = await readRunWeights(prepared, blobs);
  if (weights === null) {
    const backbone = await blobs.read(prepared.backboneSha256);
    return [[files.model, trainedGraph(backbone, head, parameters, metadata)]];
  }
  const { spec, network } = weights;
  const state = { parameters, statistics };
  const tensors = exportedTensors(prepared, weights.tensors, state, updates);
  const onnx = lowerNetwork(network, tensors, {
    imageSize: preprocessing.imageSize,
    output: network.output,
    outputName: 'logits',
    metadata: {
      ...metadata,
      'ftctl.architecture': JSON.stringify({ name: prepared.architecture, width: prepared.width }),
    },
  });
  if (spec.convention !== 'torchvision') return [[files.model, onnx]];
  const described = {
    format: 'pt',
    ...metadata,
    [normalisationKey]: encodeNormalisation(preprocessing),
  };
  const encoded = encodeSafetensors(stateDict(spec, tensors), described);
  return [
    [files.model, onnx],
    [files.weights, encoded],
  ];
}

/** The files' contents by name. */
async function contents(input: ArtifactsInput): Promise<Map<string, Uint8Array | string>> {
  const { classIds, classNames } = input;
  const preprocessing = { ...input.prepared.preprocessing, ...colors };
  const metadata = {
    'ftctl.labels': JSON.stringify(classNames),
    [preprocessingKey]: JSON.stringify(preprocessing),
  };
  return new Map<string, Uint8Array | string>([
    ...(await networkFiles(input, metadata)),
    [files.labels, `${JSON.stringify(classNames, null, 2)}\n`],
    [files.classIds, `${JSON.stringify(classIds, null, 2)}\n`],
    [files.preprocessing, `${JSON.stringify(preprocessing, null, 2)}\n`],
  ]);
}

/**
 * Writes a trained model's files into the folder `dir`. The folder changes as a whole: its files are made in a temporary one
 * beside it, which takes its place. Rejects with FT_DISK_FULL, FT_NOT_WRITABLE, or what reading the blobs gives.
 */
export async function writeArtifacts(dir: string, input: ArtifactsInput): Promise<void> {
  const made = await contents(input);
  try {
    await replaceFolder(dir, async (fresh) => {
      for (const [name, bytes] of made) await writeFileAtomic(join(fresh, name), bytes);
    });
  } catch (error) {
    throw error instanceof FtctlError ? error : diskError(error, dir);
  }
}

export interface Artifacts {
  readonly modelPath: string;
  /** Absent for a network that torchvision does not have. */
  readonly weightsPath: string | undefined;
  /** As many as names. */
  readonly classIds: readonly string[];
  readonly classNames: readonly string[];
  readonly preprocessing: Preprocessing;
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new FtctlError('FT_ARTIFACTS_NOT_FOUND', {
      what: `The trained model's file ${path} cannot be read: ${readFailure(error)}.`,
      cause: error,
      details: { path },
    });
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new FtctlError('FT_ARTIFACTS_DAMAGED', {
      what: `The trained model's file ${path} is damaged.`,
      why: 'Its contents are not what ftctl writes there.',
      cause: error,
      details: { path },
    });
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Whether a folder has the files of a trained model, whole or not. */
export async function isModelFolder(dir: string): Promise<boolean> {
  return (await isFile(join(dir, files.labels))) || (await isFile(join(dir, files.model)));
}

/** Reads a trained model's folder. Rejects with FT_ARTIFACTS_NOT_FOUND or FT_ARTIFACTS_DAMAGED. */
export async function readArtifacts(dir: string): Promise<Artifacts> {
  const classNames = await readJson(join(dir, files.labels), labelsSchema);
  const classIdsPath = join(dir, files.classIds);
  const classIds = await readJson(classIdsPath, labelsSchema);
  if (classIds.length !== classNames.length) {
    throw new FtctlError('FT_ARTIFACTS_DAMAGED', {
      what: `The trained model's files in ${dir} do not belong together.`,
      why: `${files.labels} has ${classNames.length} classes, ${files.classIds} has ${classIds.length}.`,
      details: { path: classIdsPath },
    });
  }
  const preprocessing = await readJson(join(dir, files.preprocessing), preprocessingSchema);
  const modelPath = join(dir, files.model);
  if (!(await isFile(modelPath))) {
    throw new FtctlError('FT_ARTIFACTS_NOT_FOUND', {
      what: `The trained model's file ${modelPath} is not there.`,
      details: { path: modelPath },
    });
  }
  const weightsPath = join(dir, files.weights);
  return {
    modelPath,
    weightsPath: (await isFile(weightsPath)) ? weightsPath : undefined,
    classIds,
    classNames,
    preprocessing,
  };
}
