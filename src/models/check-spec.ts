import {
  faultOf,
  faultsError,
  faultsOf,
  type Locate,
  noLines,
  type Problem,
} from '../config/problems.js';
import type { BatchSpec, DataSpec, ModelSpec, PhaseSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { trainProblems } from './check-train.js';
import type { Network } from './network.js';
import { preprocessingOf } from './preprocessing-of.js';
import {
  canDescribe,
  checkArchitecture,
  checkImageSize,
  describeNetwork,
  torchvisionSpec,
  type NetworkSpec,
} from './registry.js';

/** The parts of a run that its model is checked with; what is absent is faulty itself. */
interface CheckedSpec {
  readonly model: ModelSpec;
  readonly data?: Pick<DataSpec, 'imageSize' | 'background' | 'normalise'>;
  readonly phases?: readonly PhaseSpec[];
  readonly batch?: BatchSpec;
}

/**
 * Refuses a model that cannot be, or cannot be trained as the phases say, as far as the configuration alone tells: FT_MODEL_UNKNOWN, FT_MODEL_WIDTH,
 * FT_MODEL_IMAGE_SIZE, FT_MODEL_LAYER, FT_CONFIG_MISSING_KEY, FT_CONFIG_CONFLICT, FT_WEIGHTS_PREPROCESSING for published weights, or FT_WEIGHTS_SOURCE for
 * weights of no known kind. Without `data` neither images nor weights are looked at. `locate` says where a key was written.
 */
export function checkModelSpec(spec: CheckedSpec, locate: Locate = noLines): void {
  const { model, data } = spec;
  if ('onnx' in model) {
    if (data !== undefined) preprocessingOf(model, data);
    return;
  }
  const { architecture, width } = model;
  checkArchitecture(architecture, width);
  const faults = phaseProblems(spec).map((problem) => faultOf(problem, locate));
  try {
    if (data !== undefined) {
      checkImageSize(architecture, width, data.imageSize);
      preprocessingOf(model, data);
    }
  } catch (error) {
    if (faults.length === 0 || !(error instanceof FtctlError)) throw error;
    throw faultsError([...faultsOf(error), ...faults]);
  }
  if (faults.length > 0) throw faultsError(faults);
}

/** Weights that are read later may be of another description of the network: what one of them has is not refused. */
function phaseProblems({ model, data, phases = [], batch }: CheckedSpec): Problem[] {
  const context = {
    phases,
    ...(data === undefined ? {} : { imageSize: data.imageSize }),
    ...(batch === undefined ? {} : { batch }),
  };
  const [first, ...others] = possibleNetworks(model).map((network) =>
    trainProblems(network, context),
  );
  return first!.filter(({ path }) =>
    others.every((problems) => problems.some((other) => other.path.join() === path.join())),
  );
}

/** Of weights that are for torchvision's networks, or for one that pads as TensorFlow does. */
const torchvisionWeights = /^(random|pretrained|imagenet|torchvision:.*|run:.*)$/;
const tensorflowWeights = /^npm:nsfwjs@|\.json$/;

/** The networks that the model may turn out to be, of a single class; its own, as torchvision has it, first. */
export function possibleNetworks(model: ModelSpec): Network[] {
  if ('onnx' in model) return [];
  const { architecture, width, weights } = model;
  const own = torchvisionSpec(architecture, width, 1);
  const other: NetworkSpec = { ...own, convention: 'tensorflow', batchNorm: 'folded' };
  const specs = torchvisionWeights.test(weights) || !canDescribe(other) ? [own] : [own, other];
  return (tensorflowWeights.test(weights) ? specs.slice(-1) : specs).map(describeNetwork);
}
