import { loadConfig } from '../config/load.js';
import { runReference, type RunReference } from '../config/run-reference.js';
import type { RunSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { isModelFolder, readArtifacts, type Artifacts } from '../models/artifacts.js';
import { planPhases } from '../models/prepare-phases.js';
import { describeNetwork, torchvisionSpec } from '../models/registry.js';
import { stateTensors, withCounters } from '../models/run-tensors.js';
import { decodeSafetensors, encodeSafetensors } from '../models/weights/safetensors.js';
import type { FindTrainedRun, TrainedRun } from '../models/weights/trained-run.js';
import { readWeightsFile } from '../models/weights/weights-file.js';
import { BlobStore, sha256Hex } from '../util/blob-store.js';
import { updatesOfState } from '../train/updates.js';
import { CheckpointStore } from './checkpoint-store.js';
import { noModel } from './no-model.js';
import { RunFolder } from './run-folder.js';
import type { RunSummary } from './run-summary.js';
import type { OpenedSnapshot } from './snapshot.js';
import type { TrainingState } from './training-state.js';

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
    const run = await openTrainedRun(runsDir, reference, asked);
    const { folder, label, path, classNames } = run;
    const best = await readWeightsFile(path);
    if (reference.state === 'best') {
      const moment = bestMoment(await folder.summary());
      return { label, classNames, moment, path, sha256: sha256Hex(best) };
    }
    const { snapshot, weights } = await finalWeights(run, best);
    const blobs = new BlobStore(cacheDir);
    const sha256 = await blobs.put(weights);
    const moment = finalMoment(snapshot.state);
    return { label, classNames, moment, path: blobs.path(sha256), sha256 };
  };
}

/**
 * Whether a run has what a configuration asks of it, as far as can be told without reading its weights: rejects as {@link trainedRuns} does.
 * What is no run reference is taken.
 */
export async function checkTrainedRun(model: RunSpec['model'], runsDir: string): Promise<void> {
  const reference = 'onnx' in model ? null : runReference(model.weights);
  if ('onnx' in model || reference === null) return;
  await openTrainedRun(runsDir, reference, model);
}

interface OpenedRun extends Pick<TrainedRun, 'label' | 'path' | 'classNames'> {
  readonly folder: RunFolder;
  readonly spec: RunSpec;
}

/** The run with its best epoch's state dict. */
async function openTrainedRun(
  runsDir: string,
  reference: RunReference,
  asked: { readonly architecture: string; readonly width: number },
): Promise<OpenedRun> {
  const folder = await RunFolder.open(runsDir, reference.run);
  if (!(await isModelFolder(folder.modelDir))) throw noModel(await folder.summary());
  const { spec } = await loadConfig({ path: folder.configPath });
  const label = labelOf(reference);
  checkNetwork(spec, { ...asked, label, id: folder.id });
  const artifacts = await readArtifacts(folder.modelDir);
  const path = stateDictPath(artifacts, folder.id);
  return { folder, spec, label, path, classNames: artifacts.classNames };
}

/** Epochs count from 1, as people are shown them. */
function bestMoment({ best }: RunSummary): string {
  return best === null ? 'its best epoch' : `its best epoch, ${best.epoch + 1}`;
}

function finalMoment({ history, epochSums }: TrainingState): string {
  return epochSums.count === 0
    ? `its end, after epoch ${history.length}`
    : `its end, in epoch ${history.length + 1}`;
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
    throw noStateDict(
      id,
      'Its network is an ONNX file, of which the classifier was trained.',
      `Name another run, or its network: \`model.onnx: ${model.onnx}\`.`,
    );
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

function noStateDict(
  run: string,
  why: string,
  remedy = 'Name a run of a network that pads as torchvision does, or its ONNX file as `model.onnx`.',
): FtctlError {
  return new FtctlError('FT_MODEL_NO_STATE_DICT', {
    what: `The run ${run} cannot be trained on.`,
    why,
    remedy,
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
  { folder, spec, path, classNames }: OpenedRun,
  best: Uint8Array,
): Promise<{ snapshot: OpenedSnapshot; weights: Uint8Array }> {
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
  const network = describeNetwork(
    torchvisionSpec(model.architecture, model.width, classNames.length),
  );
  const plan = planPhases(network, data.imageSize, spec.phases);
  const updates = updatesOfState(snapshot.state, spec);
  const moved = withCounters(
    plan.phases,
    new Map([...tensors, ...stateTensors(plan, snapshot.state)]),
    updates.state.map((count, phase) => count - updates.best[phase]!),
  );
  return { snapshot, weights: encodeSafetensors(moved, Object.fromEntries(metadata)) };
}
