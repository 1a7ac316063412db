import { deflateRawSync } from 'node:zlib';
import { bytesFields, editMessage, valuesOf } from '../../../src/models/onnx/wire.js';
import { isOnnx } from '../../../src/models/weights/onnx-initializers.js';
import { isLegacyFile } from '../../../src/models/weights/pth/legacy-file.js';
import { ZipArchive } from '../../../src/models/weights/zip/zip-archive.js';
import { writeZip } from '../../../src/models/weights/zip/zip-writer.js';
import { interesting, littleEndian, mutateBytes } from './mutate-bytes.js';
import { field } from './onnx-bytes.js';
import { mutateOperations, operationsOf } from './mutate-pickle.js';
import type { RandomSource } from './random-source.js';

/** A zip with one entry deflated: its claimed size is `size`. */
function deflateEntry(zip: Buffer, random: RandomSource): Buffer {
  // The directory's records and the local headers: method, checksum, sizes.
  const bytes = Buffer.from(zip);
  const directory = bytes.readUInt32LE(bytes.length - 6);
  const nameBytes = bytes.readUInt16LE(directory + 28);
  const local = bytes.readUInt32LE(directory + 42);
  const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  const size = bytes.readUInt32LE(directory + 24);
  const packed = deflateRawSync(Buffer.alloc(random.pick([size, 1 << 20]), random.below(256)));
  if (nameBytes === 0 || packed.length > size) return bytes;
  packed.copy(bytes, begin);
  bytes.writeUInt16LE(8, directory + 10);
  bytes.writeUInt32LE(packed.length, directory + 20);
  bytes.writeUInt32LE(random.pick([size, 1 << 20, 1 << 30, 0xffffffff]), directory + 24);
  bytes.writeUInt32LE(0, directory + 16);
  return bytes;
}

/** Changes a number of the directory, which no checksum covers. */
function mutateDirectory(zip: Buffer, random: RandomSource): Buffer {
  const bytes = Buffer.from(zip);
  const directory = bytes.readUInt32LE(bytes.length - 6);
  const number = littleEndian(random.pick(interesting), random.pick([2, 4]));
  const at = directory + random.below(bytes.length - directory - number.length + 1);
  number.copy(bytes, at);
  return bytes;
}

/** The entries changed, and packed again with right sizes and checksums, so that the change gets past the zip. */
function mutateEntries(zip: Buffer, random: RandomSource): Buffer {
  const archive = new ZipArchive(zip);
  const entries: { name: string; bytes: Buffer }[] = archive.names.map((name) => ({
    name,
    bytes: Buffer.from(archive.read(name)),
  }));
  const pickle = entries.findIndex(({ name }) => name.endsWith('data.pkl'));
  const chosen = random.below(4) > 0 ? pickle : random.below(entries.length);
  const entry = entries[chosen]!;
  const bytes =
    chosen === pickle && random.below(4) > 0
      ? Buffer.concat(mutateOperations(operationsOf(entry.bytes).operations, random))
      : mutateBytes(entry.bytes, random);
  entries[chosen] = { ...entry, bytes };
  if (random.below(8) === 0) entries.splice(random.below(entries.length), 1);
  if (random.below(8) === 0)
    entries.push({ ...random.pick(entries), name: `x/data/${random.below(3)}` });
  const packed = writeZip(entries, random.pick([1, 64]));
  return random.below(8) === 0 ? deflateEntry(packed, random) : packed;
}

/** The operations of one of the five pickles, or what follows them. */
function mutateLegacy(file: Buffer, random: RandomSource): Buffer {
  const parts: Buffer[] = [];
  let position = 0;
  const chosen = random.below(6);
  for (let i = 0; i < 5; i++) {
    const { operations, end } = operationsOf(file, position);
    parts.push(Buffer.concat(i === chosen ? mutateOperations(operations, random) : operations));
    position = end;
  }
  const rest = file.subarray(position);
  parts.push(chosen === 5 && rest.length > 0 ? mutateBytes(rest, random) : rest);
  return Buffer.concat(parts);
}

/** The header with one of its metadata's own JSON texts changed: a value replaced by another. */
function mutateMetadata(file: Buffer, random: RandomSource): Buffer | undefined {
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as {
    __metadata__?: Record<string, string>;
  };
  const entries = Object.entries(header.__metadata__ ?? {}).filter(([, text]) => text[0] === '{');
  if (entries.length === 0) return undefined;
  const [key, text] = random.pick(entries);
  const tokens = [...text.matchAll(/-?[\d.]+|"[^"]*"|\[[^\]]*\]/g)];
  const token = random.pick(tokens);
  const replacement = random.pick([
    ...['null', '[]', '[1]', '[1,1,1]', '{}', '-1', '0', '1', '0.5', '1e300', '""', 'true'],
    ...['"torchvision"', '"tensorflow"', '"separate"', '"folded"', '"__proto__"'],
    ...['"resnet18"', '"inception_v3"', '"vgg11"', '"mobilenet_v2"'],
    random.pick(tokens)[0],
  ]);
  header.__metadata__![key] =
    text.slice(0, token.index) + replacement + text.slice(token.index + token[0].length);
  const changed = Buffer.from(JSON.stringify(header));
  return Buffer.concat([littleEndian(changed.length, 8), changed, file.subarray(8 + length)]);
}

/** One field of one tensor changed, and all lengths around it written anew. */
function mutateOnnx(file: Buffer, random: RandomSource): Buffer {
  const pickOne = (
    message: Uint8Array,
    id: number,
    edit: (value: Uint8Array) => Uint8Array,
  ): Uint8Array => {
    const chosen = random.below(valuesOf(message, id).length);
    let i = 0;
    return editMessage(message, (part) =>
      part.id === id && i++ === chosen ? edit(part.value) : undefined,
    );
  };
  const mutateTensor = (tensor: Uint8Array): Uint8Array => {
    const parts = bytesFields(tensor);
    const chosen = random.below(parts.length + 1);
    let i = 0;
    const edited = editMessage(tensor, ({ value }) =>
      i++ === chosen ? mutateBytes(Buffer.from(value), random) : undefined,
    );
    // A later number replaces an earlier one, or adds to those of a list: dims, the type, float_data, int64_data.
    const added = field(random.pick([1, 2, 4, 7]), random.pick(interesting.slice(0, -3)));
    const many = Buffer.alloc(random.pick([8, 64, 1 << 12, 1 << 18]), random.below(128));
    switch (random.below(4)) {
      case 0:
        return Buffer.concat([edited, added]);
      case 1:
        return Buffer.concat([edited, field(random.pick([1, 4, 7, 9]), many)]);
      default:
        return edited;
    }
  };
  const repeatTensors = random.below(4) === 0 ? 1 << random.below(8) : 0;
  return Buffer.from(
    pickOne(file, 7, (graph) => {
      const changed = pickOne(graph, 5, mutateTensor);
      const [first] = valuesOf(changed, 5);
      if (first === undefined) return changed;
      // The same values under many names.
      const copies = Array.from({ length: repeatTensors }, (_, i) =>
        field(5, Buffer.concat([first, field(8, `copy${i}`)])),
      );
      return Buffer.concat([changed, ...copies]);
    }),
  );
}

/** A value of the header's JSON replaced by another, and its length written anew. */
function mutateSafetensors(file: Buffer, random: RandomSource): Buffer {
  const length = Number(file.readBigUInt64LE());
  const text = file.toString('latin1', 8, 8 + length);
  const tokens = [...text.matchAll(/-?\d+|"[^"]*"|[[\]{},:]/g)];
  const token = random.pick(tokens);
  const replacement = random.pick([
    ...[String(random.pick(interesting)), '-1', '0.5', '1e300', 'null', '[]', '{}', '""', ''],
    ...['"F32"', '"BF16"', '"I64"', '"BOOL"', '"__proto__"', '"__metadata__"', '[[[['.repeat(64)],
    random.pick(tokens)[0],
  ]);
  const header = Buffer.from(
    text.slice(0, token.index) + replacement + text.slice(token.index + token[0].length),
    'latin1',
  );
  const claimed = random.below(8) === 0 ? random.pick(interesting) : header.length;
  return Buffer.concat([littleEndian(claimed, 8), header, file.subarray(8 + length)]);
}

/** Undefined: nothing is known of the file's structure. */
function mutateStructure(file: Buffer, random: RandomSource): Buffer | undefined {
  if (file.toString('latin1', 0, 2) === 'PK') {
    return random.below(3) === 0 ? mutateDirectory(file, random) : mutateEntries(file, random);
  }
  if (isLegacyFile(file)) return mutateLegacy(file, random);
  if (file[8] === 0x7b) {
    const changed = random.below(2) === 0 ? mutateMetadata(file, random) : undefined;
    return changed ?? mutateSafetensors(file, random);
  }
  return isOnnx(file) ? mutateOnnx(file, random) : undefined;
}

/** A file of weights with a change: of its structure where it has one that is known, of its bytes, or of both. */
export function mutateFile(file: Buffer, random: RandomSource, others: readonly Buffer[]): Buffer {
  const kind = random.below(4);
  if (kind === 0) return mutateBytes(file, random, others);
  const mutated = mutateStructure(file, random);
  if (mutated === undefined) return mutateBytes(file, random, others);
  return kind === 1 ? mutateBytes(mutated, random, others) : mutated;
}
