import { FormatError } from '../format-error.js';
import { PickleDict, PickleTuple } from '../pickle/values.js';
import { TensorRef } from './tensor-ref.js';

/** Keys that checkpoints keep a state dict under, in the order in which they are looked for. */
const usualKeys = ['state_dict', 'model_state_dict', 'model'];
/** Where there is none of those nor a tensor: averages of the weights while they were trained, and other names of a network. */
const otherKeys = [
  ...['state_dict_ema', 'ema', 'ema_state_dict', 'model_ema', 'net', 'net_state_dict'],
  ...['network', 'weights', 'params', 'params_ema', 'teacher', 'student', 'generator', 'encoder'],
  ...['backbone', 'module'],
];
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

/** What to do where the state dict lies under a key that is not looked for. */
function saveAlone(key: string): string {
  const text = /^[\w.-]+$/.test(key) ? `'${key}'` : JSON.stringify(key);
  return `Save the state dict alone, in Python: \`torch.save(torch.load(PATH, map_location='cpu')[${text}], NEW_PATH)\`.`;
}

const saveDictionary =
  'Save tensors by their names, in Python: `torch.save(model.state_dict(), PATH)`.';

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof PickleTuple) return 'a tuple';
  return value === null ? 'None' : `a ${typeof value === 'object' ? 'thing' : typeof value}`;
}

/** Entries that are looked at to tell dictionaries of tensors: one dictionary may be the value of a million keys. */
const maxLooks = 1_000_000;

/** Keys of dictionaries that have tensors by names themselves. */
function keysOfTensors(value: PickleDict): string[] {
  const keys: string[] = [];
  let looks = 0;
  for (const [key, inner] of value.entries) {
    if (typeof key !== 'string' || !(inner instanceof PickleDict)) continue;
    for (const [name, tensor] of inner.entries) {
      if (++looks > maxLooks) return keys;
      if (typeof name !== 'string' || !(tensor instanceof TensorRef)) continue;
      keys.push(key);
      break;
    }
  }
  return keys;
}

function refuseContent(value: PickleDict): FormatError {
  const keys = [...value.entries.keys()].slice(0, 10).map(keyText).join(', ');
  const candidates = keysOfTensors(value);
  const [first] = candidates;
  if (candidates.length > 1) {
    return new FormatError(
      `it holds tensors under ${candidates.slice(0, 10).join(', ')}, and ftctl cannot tell which are meant`,
      { remedy: saveAlone(first!) },
    );
  }
  return new FormatError(
    `it holds no tensors under ${usualKeys.join(', ')} or at the top; it has ${keys === '' ? 'nothing' : keys}`,
    { remedy: first === undefined ? saveDictionary : saveAlone(first) },
  );
}

/** The dictionary under one of the keys, with its name before the path, and what is beside it. */
function findUnder(value: PickleDict, key: string, depth: number): FoundStateDict | undefined {
  const inner = value.entries.get(key);
  if (!(inner instanceof PickleDict)) return undefined;
  const found = findStateDict(inner, depth + 1);
  const others = [...value.entries.keys()].filter((other) => other !== key).map(keyText);
  return { ...found, path: [key, ...found.path], ignored: [...others, ...found.ignored] };
}

/**
 * The state dict in what torch.save was given: the dictionary itself, or one under a usual key of a checkpoint. Where the
 * dictionary has tensors of its own beside a state dict under a usual key, the latter is meant. Where it has no tensors of its own,
 * the one dictionary of tensors under another known key is taken; of several none. Throws FormatError.
 */
export function findStateDict(value: unknown, depth = 0): FoundStateDict {
  if (value instanceof TensorRef) {
    throw new FormatError('it holds one tensor, and no state dict', { remedy: saveDictionary });
  }
  if (!(value instanceof PickleDict)) {
    throw new FormatError(`it holds ${kindOf(value)}, and no dictionary of tensors`, {
      remedy: saveDictionary,
    });
  }
  for (const key of depth < maxDepth ? usualKeys : []) {
    const found = findUnder(value, key, depth);
    if (found !== undefined) return found;
  }
  const found = tensorsOf(value);
  if (found.tensors.size > 0) return found;
  const known =
    depth < maxDepth ? keysOfTensors(value).filter((key) => otherKeys.includes(key)) : [];
  const other = known.length === 1 ? findUnder(value, known[0]!, depth) : undefined;
  if (other !== undefined) return other;
  throw refuseContent(value);
}
