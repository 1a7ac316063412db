import { loadConfig } from '../config/load.js';
import type { RunReference } from '../config/run-reference.js';
import type { RunSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { isModelFolder, readArtifacts, type Artifacts } from '../models/artifacts.js';
import { planPhases } from '../models/prepare-phases.js';
import { describeNetwork, torchvisionSpec } from '../models/registry.js';
import { stateTensors, withCounters } from '../models/run-tensors.js';
import { decodeSafetensors, encodeSafetensors } from '../models/weights/safetensors.js';
import type { FindTrainedRun } from '../models/weights/trained-run.js';
import { readWeightsFile } from '../models/weights/weights-file.js';
import { BlobStore, sha256Hex } from '../util/blob-store.js';
import { updatesOfState } from '../train/updates.js';
import { CheckpointStore } from './checkpoint-store.js';
import { noModel } from './no-model.js';
import { RunFolder } from './run-folder.js';

/** Where runs lie, and what is made of their states. */
export interface TrainedRunsOptions {
  readonly runsDir: string;
  readonly cacheDir: string;
}

/**
 * Finds what runs have trained: the state dict in a run's `model/` folder, or one that is made of it and of the state that the run
 * has come to, and kept in the cache.
 */
export function trainedRuns({ runsDir, cacheDir }: TrainedRunsOptions): FindTrainedRun {
  return async (reference, asked) => {
    const folder = await RunFolder.open(runsDir, reference.run);
    if (!(await isModelFolder(folder.modelDir))) throw noModel(await folder.summary());
    const { spec } = await loadConfig({ path: folder.configPath });
    const label = labelOf(reference);
    checkNetwork(spec, { ...asked, label, id: folder.id });
    const artifacts = await readArtifacts(folder.modelDir);
    const path = stateDictPath(artifacts, folder.id);
    const best = await readWeightsFile(path);
    const found = { label, classNames: artifacts.classNames };
    if (reference.state === 'best') return { ...found, path, sha256: sha256Hex(best) };
    const numClasses = artifacts.classNames.length;
    const final = await finalWeights(folder, spec, { best, path, numClasses });
    const blobs = new BlobStore(cacheDir);
    const sha256 = await blobs.put(final);
    return { ...found, path: blobs.path(sha256), sha256 };
  };
}

function labelOf({ run, state }: RunReference): string {
  return state === 'best' ? `run:${run}` : `run:${run}@${state}`;
}

function checkNetwork(
  { model }: RunSpec,
  asked: { architecture: string; width: number; label: string; id: string },
): void {
  const { architecture, width, label, id } = asked;
  if ('onnx' in model) {
    throw noStateDict(id, 'Its network is an ONNX file, of which the classifier was trained.');
  }
  if (model.architecture === architecture && model.width === width) return;
  const name = (network: { architecture: string; width: number }): string =>
    network.width === 1
      ? network.architecture
      : `${network.architecture} of width ${network.width}`;
  throw new FtctlError('FT_WEIGHTS_MISMATCH', {
    what: `The network is ${name(asked)}, and model.weights is ${label}.`,
    why: `That run trained ${name(model)}.`,
    remedy: `Set \`model.architecture\` to ${model.architecture}${model.width === width ? '' : ` and \`model.width\` to ${model.width}`}, or name another run.`,
    details: { run: id, trained: model.architecture, architecture, width },
  });
}

function noStateDict(run: string, why: string): FtctlError {
  return new FtctlError('FT_MODEL_NO_STATE_DICT', {
    what: `The run ${run} cannot be trained on.`,
    why,
    remedy:
      'Name a run of a network that pads as torchvision does, or its ONNX file as `model.onnx`.',
    details: { run },
  });
}

function stateDictPath({ weightsPath }: Artifacts, run: string): string {
  if (weightsPath !== undefined) return weightsPath;
  throw noStateDict(run, 'It has no state dict: its network pads as TensorFlow does.');
}

/**
 * The whole network as the run ended, as safetensors. What no phase moved is the same in the best epoch's file, which the state's tensors are put
 * into; the counters of its batch norms go on from that epoch's.
 */
async function finalWeights(
  folder: RunFolder,
  spec: RunSpec,
  { best, path, numClasses }: { best: Uint8Array; path: string; numClasses: number },
): Promise<Uint8Array> {
  const { model, data } = spec;
  if ('onnx' in model) throw new Error('a state dict of an ONNX backbone');
  const snapshot = await new CheckpointStore(folder).reached();
  if (snapshot === undefined) {
    throw new FtctlError('FT_CHECKPOINT_DAMAGED', {
      what: `The run ${folder.id} has no checkpoint.`,
      why: `${folder.checkpointsDir} is empty.`,
      remedy: 'Leave out `@final`: the best epoch is in `model/`.',
      details: { run: folder.id },
    });
  }
  const { tensors, metadata } = decodeSafetensors(best, path);
  const network = describeNetwork(torchvisionSpec(model.architecture, model.width, numClasses));
  const plan = planPhases(network, data.imageSize, spec.phases);
  const updates = updatesOfState(snapshot.state, spec);
  const moved = withCounters(
    plan.phases,
    new Map([...tensors, ...stateTensors(plan, snapshot.state)]),
    updates.state.map((count, phase) => count - updates.best[phase]!),
  );
  return encodeSafetensors(moved, Object.fromEntries(metadata));
}
