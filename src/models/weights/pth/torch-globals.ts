import { FormatError } from '../format-error.js';
import {
  PickleDict,
  PickleGlobal,
  PickleOpaque,
  PickleTuple,
  type PickleCall,
} from '../pickle/values.js';
import { rebuildTensor, TensorRef } from './tensor-ref.js';

/**
 * The allow-list: what a state dict, or a checkpoint around one, is made of. No entry reaches Python's or Node's own
 * functions: each is a few lines here, of constant work for its arguments.
 */

/** Storage classes by the type of their elements. Types that are not in element-types.ts are named, and refused when read. */
const storageTypes: Readonly<Record<string, string>> = {
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  DoubleStorage: 'float64',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
};
const untypedStorages = ['torch.storage.UntypedStorage', 'torch.UntypedStorage'];

const elementTypeNames = [
  ...['float16', 'float32', 'float64', 'bfloat16', 'complex64', 'complex128', 'bool'],
  ...['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'],
  ...['float8_e4m3fn', 'float8_e5m2', 'float8_e4m3fnuz', 'float8_e5m2fnuz', 'float8_e8m0fnu'],
];

/** Types of storages, as a persistent id names them: type name of a storage class by its global. */
export const storageTypeOfGlobal: ReadonlyMap<string, string> = new Map([
  ...Object.entries(storageTypes).flatMap(([name, type]): [string, string][] => [
    [`torch.${name}`, type],
    [`torch.cuda.${name}`, type],
  ]),
  ...untypedStorages.map((name): [string, string] => [name, 'untyped']),
]);

/** OrderedDict() or OrderedDict(pairs), Counter(dict): a dictionary. */
const makeDict: PickleCall = ([content, ...others], charge) => {
  if (others.length > 0) throw new FormatError('a dictionary is made of more than one thing');
  if (content instanceof PickleDict) return content;
  const dict = new PickleDict();
  if (content === undefined) return dict;
  if (!Array.isArray(content)) throw new FormatError('a dictionary is made of what has no pairs');
  charge(content.length);
  for (const pair of content as readonly unknown[]) {
    const items = pair instanceof PickleTuple ? pair.items : pair;
    if (!Array.isArray(items) || items.length !== 2) {
      throw new FormatError('a dictionary is made of what are no pairs');
    }
    dict.entries.set(items[0], items[1]);
  }
  return dict;
};

/** (storage, offset, shape, strides, requires_grad, hooks, dtype, metadata) */
const rebuildTensorV3: PickleCall = (args) => {
  const type = args[6];
  if (!(type instanceof PickleGlobal) || !type.name.startsWith('torch.')) {
    throw new FormatError('a tensor has no type');
  }
  return rebuildTensor(args, type.name.slice('torch.'.length));
};

/** (tensor, requires_grad, hooks, ...): the tensor. */
const rebuildParameter: PickleCall = ([tensor]) => {
  if (!(tensor instanceof TensorRef)) throw new FormatError('a parameter has no tensor');
  return tensor;
};

const sizeOf: PickleCall = ([sides]) => {
  if (!(sides instanceof PickleTuple)) throw new FormatError('a torch.Size has no tuple');
  return sides;
};

const opaque = (kind: string): PickleCall => {
  return () => new PickleOpaque(kind);
};

const calls: Readonly<Record<string, PickleCall | undefined>> = {
  'collections.OrderedDict': makeDict,
  // Of the scheduler MultiStepLR.
  'collections.Counter': makeDict,
  'torch._utils._rebuild_tensor': (args) => rebuildTensor(args),
  'torch._utils._rebuild_tensor_v2': (args) => rebuildTensor(args),
  'torch._utils._rebuild_tensor_v3': rebuildTensorV3,
  'torch._utils._rebuild_parameter': rebuildParameter,
  'torch._utils._rebuild_parameter_with_state': rebuildParameter,
  'torch.nn.parameter.Parameter': rebuildParameter,
  'torch.Size': sizeOf,
  // What may lie beside a state dict, and is not looked at.
  'torch.device': opaque('device'),
  'builtins.set': opaque('set'),
  '__builtin__.set': opaque('set'),
  'builtins.bytearray': opaque('bytes'),
  // Python 2's protocol writes bytes as a text and its encoding.
  '_codecs.encode': opaque('bytes'),
};

const globals = new Map<string, PickleGlobal>(
  [
    ...Object.entries(calls).map(([name, call]) => new PickleGlobal(name, call)),
    ...[...storageTypeOfGlobal.keys()].map((name) => new PickleGlobal(name)),
    ...elementTypeNames.map((name) => new PickleGlobal(`torch.${name}`)),
  ].map((global) => [global.name, global]),
);

export function torchGlobal(name: string): PickleGlobal | undefined {
  return globals.get(name);
}

/** Whether a global that is not allowed is a part of a model: then the file has one whole, and not its state dict. */
export function isModelClass(name: string): boolean {
  return /^(torch\.nn|torchvision|timm|__main__|__torch__|models?|network)\b/.test(name);
}
