import { z } from 'zod';
import { FtctlError } from '../../errors/index.js';
import { elementTypes, readBytes, type ElementType } from './element-types.js';
import { MemoryBudget } from './memory-budget.js';
import { numElements } from '../tensor-specs.js';
import type { StoredTensor, TensorSet } from './tensor-set.js';

/**
 * The safetensors format (https://huggingface.co/docs/safetensors): eight bytes of header length, little-endian; a JSON header,
 * name -> { dtype, shape, data_offsets }; the tensors' bytes, row-major, little-endian, without holes. Nothing in it is
 * executed, and every size is checked before it is used.
 */

/** The format's own limit. */
const maxHeaderBytes = 100_000_000;
const maxDimensions = 8;
const metadataKey = '__metadata__';

/** The format's names of element types. */
const dtypes = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  F64: 'float64',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
} as const satisfies Record<string, ElementType>;

const side = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(side).max(maxDimensions),
  data_offsets: z.tuple([side, side]),
});
const metadataSchema = z.record(z.string(), z.string());

export interface SafetensorsFile {
  /** In the order of their bytes. Floats are converted to float32, integers to int64. */
  readonly tensors: TensorSet;
  /** The elements' types as they were stored, by name. */
  readonly types: ReadonlyMap<string, ElementType>;
  readonly metadata: ReadonlyMap<string, string>;
}

interface Entry {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What is said of a file that is not safetensors; `label` names the file. */
function damaged(label: string, why: string, cause?: unknown): FtctlError {
  return new FtctlError('FT_WEIGHTS_DAMAGED', {
    what: `${label} is no intact safetensors file.`,
    why,
    ...(cause === undefined ? {} : { cause }),
    details: { file: label },
  });
}

/** The parsed header, and where the tensors' bytes begin. */
function readHeader(bytes: Uint8Array, label: string): { header: unknown; dataStart: number } {
  if (bytes.length < 8) {
    throw damaged(label, `It has ${bytes.length} bytes; the header's length alone takes 8.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  const available = bytes.length - 8;
  if (length > BigInt(maxHeaderBytes) || length > BigInt(available)) {
    const limit = Math.min(maxHeaderBytes, available);
    throw damaged(
      label,
      `Its header would have ${length} bytes, and at most ${limit} can be there.`,
    );
  }
  const dataStart = 8 + Number(length);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataStart));
    return { header: JSON.parse(text), dataStart };
  } catch (error) {
    throw damaged(label, 'Its header is no JSON.', error);
  }
}

function readEntry(name: string, value: unknown, label: string): Entry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    throw damaged(label, `Its entry for ${JSON.stringify(name)} is malformed.`, parsed.error);
  }
  const { dtype, shape, data_offsets } = parsed.data;
  if (!Object.hasOwn(dtypes, dtype)) {
    throw damaged(
      label,
      `Tensor ${name} has the type ${dtype}; ftctl reads ${Object.keys(dtypes).join(', ')}.`,
    );
  }
  const type = dtypes[dtype as keyof typeof dtypes];
  const [begin, end] = data_offsets;
  const numBytes = numElements(shape) * elementTypes[type].bytes;
  if (end - begin !== numBytes) {
    throw damaged(
      label,
      `Tensor ${name} of shape [${shape.join(', ')}] and type ${dtype} takes ${numBytes} bytes, its entry gives it ${end - begin}.`,
    );
  }
  return { name, type, shape, begin, end };
}

/**
 * Reads a safetensors file strictly. `label` names it in messages. Throws FT_WEIGHTS_DAMAGED for anything that the format
 * does not allow: sizes that do not fit, overlaps, holes, bytes left over.
 */
export function decodeSafetensors(bytes: Uint8Array, label: string): SafetensorsFile {
  const { header, dataStart } = readHeader(bytes, label);
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw damaged(label, 'Its header is no JSON object.');
  }
  const entries: Entry[] = [];
  let metadata = new Map<string, string>();
  for (const [name, value] of Object.entries(header)) {
    if (name !== metadataKey) {
      entries.push(readEntry(name, value, label));
      continue;
    }
    const parsed = metadataSchema.safeParse(value);
    if (!parsed.success) throw damaged(label, 'Its metadata are malformed.', parsed.error);
    metadata = new Map(Object.entries(parsed.data));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const data = bytes.subarray(dataStart);
  let position = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== position || end > data.length) {
      throw damaged(
        label,
        `Tensor ${name} lies at bytes ${begin} to ${end}; it must start at ${position} and end by ${data.length}.`,
      );
    }
    position = end;
  }
  if (position !== data.length) {
    throw damaged(label, `${data.length - position} bytes at its end belong to no tensor.`);
  }
  const tensors = new Map<string, StoredTensor>();
  const budget = new MemoryBudget(bytes.length);
  for (const { name, type, shape, begin, end } of entries) {
    const numBytes = numElements(shape) * readBytes(type);
    if (numBytes > budget.bytesLeft) {
      throw damaged(label, `Its tensors up to ${name} take too many bytes in memory.`);
    }
    budget.charge(numBytes, 'its tensors');
    tensors.set(name, { shape, data: elementTypes[type].values(data.subarray(begin, end)) });
  }
  return { tensors, types: new Map(entries.map(({ name, type }) => [name, type])), metadata };
}

/** A tensor as it is written. */
export interface WrittenTensor {
  readonly dtype: 'F32' | 'I64';
  readonly shape: readonly number[];
}

/**
 * All of a file that stands before the tensors' bytes, which follow in the order of `tensors`. It is padded with spaces so that they start at
 * a multiple of 8.
 */
export function safetensorsHeader(
  tensors: Iterable<readonly [name: string, WrittenTensor]>,
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header[metadataKey] = metadata;
  let position = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const end = position + numElements(shape) * elementTypes[dtypes[dtype]].bytes;
    header[name] = { dtype, shape, data_offsets: [position, end] };
    position = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(bytes, 8);
  return bytes;
}

/** Writes tensors in their order: float32 as F32, int64 as I64. The same input gives the same bytes. */
export function encodeSafetensors(
  tensors: TensorSet,
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  const written = [...tensors].map(([name, { shape, data }]) => {
    const dtype = data instanceof Float32Array ? 'F32' : 'I64';
    return [name, { dtype, shape }] as const;
  });
  const values = [...tensors.values()].map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return Buffer.concat([safetensorsHeader(written, metadata), ...values]);
}
