import protobuf from 'protobufjs/light.js';
import { FormatError } from '../weights/format-error.js';

/**
 * Edits of protobuf messages as they lie in memory: fields that nobody asks for stay as they are, byte for byte, whatever
 * version of a format they belong to.
 */

/** A field whose value is bytes: a message, a text, a block of numbers. */
export interface BytesField {
  readonly id: number;
  readonly value: Uint8Array;
}

const bytesWireType = 2;

interface RawField {
  readonly id: number;
  /** Absent: a plain number. */
  readonly value: Uint8Array | undefined;
  /** Where it lies, its tag included. */
  readonly begin: number;
  readonly end: number;
}

function* fieldsOf(message: Uint8Array): Generator<RawField> {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < message.length) {
    const begin = reader.pos;
    let tag: number;
    let value: Uint8Array | undefined;
    try {
      tag = reader.uint32();
      if ((tag & 7) === bytesWireType) {
        const length = reader.uint32();
        value = message.subarray(reader.pos, reader.pos + length);
        reader.skip(length);
      } else reader.skipType(tag & 7);
    } catch (error) {
      // protobufjs throws RangeError beyond the end, and Error for a wire type that there is not.
      throw new FormatError('its fields do not fit into each other', { cause: error });
    }
    yield { id: tag >>> 3, value, begin, end: reader.pos };
  }
}

/** One after the other, the fields of a message whose values are bytes. Throws FormatError. */
export function* eachField(message: Uint8Array): Generator<BytesField> {
  for (const { id, value } of fieldsOf(message)) if (value !== undefined) yield { id, value };
}

/** The fields of a message whose values are bytes, in their order. Throws FormatError. */
export function bytesFields(message: Uint8Array): BytesField[] {
  return [...eachField(message)];
}

/** The values of the fields with a number. Throws FormatError. */
export function valuesOf(message: Uint8Array, id: number): Uint8Array[] {
  const values: Uint8Array[] = [];
  for (const field of eachField(message)) if (field.id === id) values.push(field.value);
  return values;
}

/** The first of {@link valuesOf} as text; '' for none, as protobuf has it. */
export function textOf(message: Uint8Array, id: number): string {
  return Buffer.from(valuesOf(message, id)[0] ?? []).toString('utf8');
}

function encodeField({ id, value }: BytesField): Uint8Array[] {
  const head = protobuf.Writer.create()
    .uint32(((id << 3) | bytesWireType) >>> 0)
    .uint32(value.length)
    .finish();
  return [head, value];
}

/**
 * A message with some of its fields changed. `edit` gives a field's new value, null for none, or undefined where it stays as it is.
 * `added` are put behind. Throws FormatError.
 */
export function editMessage(
  message: Uint8Array,
  edit: (field: BytesField) => Uint8Array | null | undefined,
  added: readonly BytesField[] = [],
): Uint8Array {
  const parts: Uint8Array[] = [];
  // What stays is copied in as long pieces as there are: a message may have any number of fields.
  let kept = 0;
  for (const { id, value, begin, end } of fieldsOf(message)) {
    const changed = value === undefined ? undefined : edit({ id, value });
    if (changed === undefined) continue;
    if (begin > kept) parts.push(message.subarray(kept, begin));
    kept = end;
    if (changed !== null) parts.push(...encodeField({ id, value: changed }));
  }
  if (kept < message.length) parts.push(message.subarray(kept));
  for (const field of added) parts.push(...encodeField(field));
  return Buffer.concat(parts);
}
