import { FtctlError } from '../../errors/index.js';
import type { ExternalData } from './external-values.js';
import { FormatError, RefusedGlobalError } from './format-error.js';
import { isOnnx, readOnnxInitializers } from './onnx-initializers.js';
import { isPth, readPth } from './pth/read-pth.js';
import { isModelClass } from './pth/torch-globals.js';
import { decodeSafetensors } from './safetensors.js';
import { torchvisionNames } from './state-dict-names.js';
import type { TensorSet } from './tensor-set.js';

/** The formats of one file. (A tfjs model is several: see tfjs/.) */
export type WeightsFormat = 'safetensors' | 'pth' | 'pth-legacy' | 'onnx';

export interface WeightsFile {
  readonly format: WeightsFormat;
  /** By torchvision's names of today; floats as float32, integers as int64. */
  readonly tensors: TensorSet;
  /** The elements' types as they were stored, by the names in `tensors`. */
  readonly types: ReadonlyMap<string, string>;
  readonly metadata: ReadonlyMap<string, string>;
  /** What was changed or passed over, in words. */
  readonly notes: readonly string[];
}

interface Decoded {
  readonly format: WeightsFormat;
  readonly tensors: TensorSet;
  readonly types: ReadonlyMap<string, string>;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly notes?: readonly string[];
}

function startsWith(bytes: Uint8Array, text: string, at = 0): boolean {
  return Buffer.from(bytes.subarray(at, at + text.length)).toString('latin1') === text;
}

/** What a file looks like that is in no format of ours. */
function describeUnknown(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'It is empty.';
  if (startsWith(bytes, '\x89HDF')) {
    return 'It is an HDF5 file, as Keras writes. Convert it with tensorflowjs_converter and name its model.json.';
  }
  if (startsWith(bytes, 'ustar', 257)) {
    return 'It is a tar file, as PyTorch before 0.2 wrote. Load it in Python and save the state dict again.';
  }
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5) {
    return 'It is a plain pickle. Load it in Python and save the tensors with torch.save or safetensors.';
  }
  if (/^\s*<(!doctype|html)/i.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'))) {
    return 'It is a web page: the download gave something else than the file.';
  }
  return 'ftctl reads safetensors, .pth and .pt (torch.save), .onnx, and the model.json of tfjs.';
}

function decode(bytes: Uint8Array, label: string, external?: ExternalData): Decoded {
  if (isPth(bytes)) return readPth(bytes);
  if (startsWith(bytes, '{', 8))
    return { format: 'safetensors', ...decodeSafetensors(bytes, label) };
  if (isOnnx(bytes)) return { format: 'onnx', ...readOnnxInitializers(bytes, external) };
  throw new FtctlError('FT_WEIGHTS_FORMAT', {
    what: `${label} is no file of weights that ftctl reads.`,
    why: describeUnknown(bytes),
    details: { file: label },
  });
}

/** A name out of a file, fit for a terminal: whatever is no plain word is quoted. */
function printable(name: string): string {
  return /^[\w.<>-]+$/.test(name) ? name : JSON.stringify(name);
}

function refused(label: string, error: RefusedGlobalError): FtctlError {
  const global = printable(error.global);
  const model = isModelClass(error.global);
  return new FtctlError('FT_WEIGHTS_PICKLE', {
    what: `${label} asks for ${global}.`,
    why: model
      ? 'The file holds a whole model, which could execute any code, and not a state dict.'
      : 'To build it could execute any code; ftctl builds tensors and dictionaries of them, and nothing else.',
    details: { file: label, global: error.global },
  });
}

/** What is told of a FormatError; any other error is thrown on. */
export function damaged(label: string, error: unknown): FtctlError {
  if (!(error instanceof FormatError)) throw error;
  return new FtctlError('FT_WEIGHTS_DAMAGED', {
    what: `${label} cannot be read: ${error.message}.`,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    cause: error,
    details: { file: label },
  });
}

/**
 * Reads a file of weights, whatever its format; its contents say which that is, not its name. `label` names it in messages.
 * Nothing of it is executed. `external` gives the files beside an ONNX model. Throws FT_WEIGHTS_FORMAT, FT_WEIGHTS_PICKLE or FT_WEIGHTS_DAMAGED.
 */
export function decodeWeights(
  bytes: Uint8Array,
  label: string,
  external?: ExternalData,
): WeightsFile {
  let decoded: Decoded;
  try {
    decoded = decode(bytes, label, external);
  } catch (error) {
    if (error instanceof RefusedGlobalError) throw refused(label, error);
    throw damaged(label, error);
  }
  const { format, metadata = new Map<string, string>(), notes = [] } = decoded;
  const named = torchvisionNames(decoded.tensors);
  const types = new Map(
    [...named.oldNames].map(([name, old]) => [name, decoded.types.get(old) ?? 'unknown']),
  );
  return { format, tensors: named.tensors, types, metadata, notes: [...notes, ...named.notes] };
}
