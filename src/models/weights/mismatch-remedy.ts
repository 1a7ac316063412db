import {
  fitsArchitecture,
  guessArchitectures,
  isFit,
  type ArchitectureGuess,
} from './guess-architecture.js';
import { prefixOfPart } from './network-prefix.js';
import type { TensorSet } from './tensor-set.js';
import type { WeightsFormat } from './read-weights.js';

/** Of the tensors that a network needs: with fewer it is a chance likeness. */
const minLikeness = 0.5;

/** How ONNX's exporter names weights that it has changed: folded with the batch norm behind them, or transposed. */
function isFolded(tensors: TensorSet): boolean {
  const names = [...tensors.keys()];
  return (
    names.some((name) => /^onnx::\w+_\d+$/.test(name)) ||
    !names.some((name) => name.endsWith('.running_mean'))
  );
}

function set({ architecture, width }: Pick<ArchitectureGuess, 'architecture' | 'width'>): string {
  return architecture === 'mobilenet_v2'
    ? `set \`model.architecture\` to ${architecture} and \`model.width\` to ${width}`
    : `set \`model.architecture\` to ${architecture}`;
}

/** What to do about weights that do not fit the network asked for; `label` names their file. Pure. */
export function mismatchRemedy(
  given: TensorSet,
  asked: {
    readonly label: string;
    readonly format: WeightsFormat | undefined;
    readonly architecture: string;
    readonly width: number;
  },
): string {
  const { label, format, architecture, width } = asked;
  const guesses = guessArchitectures(given);
  const fitting = guesses.find(isFit);
  if (fitting !== undefined) {
    const name =
      fitting.width === 1
        ? fitting.architecture
        : `${fitting.architecture} (width ${fitting.width})`;
    return `The weights are those of ${name}: ${set(fitting)}.`;
  }
  const prefix = prefixOfPart(given, (tensors) => fitsArchitecture(tensors, architecture, width));
  if (prefix !== undefined) {
    return `The network is there, under ${prefix} and beside other tensors: save it alone, in Python: \`torch.save({k.removeprefix('${prefix}'): v for k, v in state_dict.items() if k.startswith('${prefix}')}, PATH)\`.`;
  }
  if (format === 'onnx' && isFolded(given)) {
    return 'An ONNX export folds batch norm into the convolutions before it, and their own weights are gone: name the file as `model.onnx`, in place of `model.architecture` and `model.weights`, or save the state dict in Python: `torch.save(model.state_dict(), PATH)`.';
  }
  const [nearest] = guesses;
  if (nearest !== undefined && nearest.matching >= minLikeness * nearest.needed) {
    const { matching, needed } = nearest;
    const isAsked = nearest.architecture === architecture && nearest.width === width;
    const what = `${matching} of the ${needed} tensors of ${nearest.architecture} are there in their shapes`;
    return isAsked
      ? `${what}: save the whole state dict of a network that was not changed, or export a changed one to ONNX and name it as \`model.onnx\`.`
      : `It is nearer to ${nearest.architecture}, and no fit either: ${what}. A network of another kind can be exported to ONNX and named as \`model.onnx\`.`;
  }
  return `The weights are of no network that ftctl has (\`ftctl weights inspect ${label}\` lists them): export the network to ONNX and name it as \`model.onnx\`.`;
}
