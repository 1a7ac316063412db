import fc from 'fast-check';
import protobuf from 'protobufjs/light.js';
import { expect, test } from 'vitest';
import { onnxMetadata } from '../../../src/models/onnx/metadata.js';
import { bytesFields, editMessage, textOf } from '../../../src/models/onnx/wire.js';
import { backboneFile } from '../../support/models/backbone-files.js';
import { readOnnxInitializers } from '../../../src/models/weights/onnx-initializers.js';

const fields = fc.array(
  fc.record({ id: fc.integer({ min: 1, max: 5000 }), text: fc.string(), isNumber: fc.boolean() }),
);

function encode(list: readonly { id: number; text: string; isNumber: boolean }[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { id, text, isNumber } of list) {
    if (isNumber) writer.uint32((id << 3) >>> 0).uint32(text.length);
    else writer.uint32(((id << 3) | 2) >>> 0).string(text);
  }
  return writer.finish();
}

test('a message that nothing is changed of keeps its bytes, unknown fields and numbers too', () => {
  fc.assert(
    fc.property(fields, (list) => {
      const message = encode(list);
      expect(Buffer.from(editMessage(message, () => undefined))).toEqual(Buffer.from(message));
    }),
  );
});

test('fields are changed, removed and added, and the others keep their places', () => {
  const text = (id: number, value: string) => ({ id, text: value, isNumber: false });
  const edited = editMessage(
    encode([text(1, 'a'), { id: 9, text: 'xx', isNumber: true }, text(2, 'b'), text(3, 'c')]),
    ({ id }) => (id === 1 ? Buffer.from('longer') : id === 2 ? null : undefined),
    [{ id: 4, value: Buffer.from('new') }],
  );
  expect(Buffer.from(edited)).toEqual(
    Buffer.from(
      encode([
        text(1, 'longer'),
        { id: 9, text: 'xx', isNumber: true },
        text(3, 'c'),
        text(4, 'new'),
      ]),
    ),
  );
  expect(textOf(edited, 3)).toBe('c');
  expect(textOf(edited, 2)).toBe('');
});

test('a message that is cut off is refused', () => {
  const message = encode([{ id: 1, text: 'abcdef', isNumber: false }]);
  expect(() => bytesFields(message.subarray(0, 5))).toThrow(
    'its fields do not fit into each other',
  );
});

test('the metadata of an ONNX file are read, beside its tensors too', () => {
  const bytes = backboneFile({ metadata: { 'ftctl.normalise': 'x', author: 'y' } });
  const expected = new Map([
    ['ftctl.normalise', 'x'],
    ['author', 'y'],
  ]);
  expect(onnxMetadata(bytes)).toEqual(expected);
  expect(readOnnxInitializers(bytes).metadata).toEqual(expected);
});
