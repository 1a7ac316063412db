import { FormatError } from '../format-error.js';
import { PickleDict } from '../pickle/values.js';
import { TensorRef } from './tensor-ref.js';

/** Keys that checkpoints keep a state dict under, in the order in which they are looked for. */
const usualKeys = ['state_dict', 'model_state_dict', 'model'];
/** A checkpoint in a checkpoint, and no deeper. */
const maxDepth = 3;
/** densenet201, the network with the most, has 1,007. */
const maxTensors = 100_000;

export interface FoundStateDict {
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** Keys that lead to it, outermost first. */
  readonly path: readonly string[];
  /** Names of what is beside it or in it, and is no tensor. */
  readonly ignored: readonly string[];
}

function keyText(key: unknown): string {
  return typeof key === 'string' ? key : `a key that is a ${typeof key}`;
}

function tensorsOf(dict: PickleDict): FoundStateDict {
  const tensors = new Map<string, TensorRef>();
  const ignored: string[] = [];
  for (const [key, value] of dict.entries) {
    if (value instanceof TensorRef && typeof key === 'string') tensors.set(key, value);
    else ignored.push(keyText(key));
  }
  if (tensors.size > maxTensors) {
    throw new FormatError(`it holds ${tensors.size} tensors, over ${maxTensors}`);
  }
  return { tensors, path: [], ignored };
}

/**
 * The state dict in what torch.save was given: the dictionary itself, or one under a usual key of a checkpoint. Where the
 * dictionary has tensors of its own beside a state dict under a usual key, the latter is meant. Throws FormatError.
 */
export function findStateDict(value: unknown, depth = 0): FoundStateDict {
  if (value instanceof TensorRef) throw new FormatError('it holds one tensor, and no state dict');
  if (!(value instanceof PickleDict)) throw new FormatError('it holds no dictionary of tensors');
  for (const key of depth < maxDepth ? usualKeys : []) {
    const inner = value.entries.get(key);
    if (!(inner instanceof PickleDict)) continue;
    const found = findStateDict(inner, depth + 1);
    const others = [...value.entries.keys()].filter((other) => other !== key).map(keyText);
    return { ...found, path: [key, ...found.path], ignored: [...others, ...found.ignored] };
  }
  const found = tensorsOf(value);
  if (found.tensors.size > 0) return found;
  const keys = [...value.entries.keys()].slice(0, 10).map(keyText).join(', ');
  throw new FormatError(
    `it holds no tensors under ${usualKeys.join(', ')} or at the top; it has ${keys === '' ? 'nothing' : keys}`,
  );
}
