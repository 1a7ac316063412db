import { expect, it } from 'vitest';
import type { PeerMessage } from '../../../src/collective/messages.js';
import { SendWindow } from '../../../src/collective/send-window.js';
import { encodeFrames, FrameReader, MAX_CHUNK_BYTES } from '../../../src/collective/wire.js';

function messageOf(round: number): PeerMessage {
  const length = MAX_CHUNK_BYTES / 2;
  const values = new Float32Array(length).fill(round);
  return {
    run: '0123456789abcdef',
    generation: { term: 1, number: 1 },
    ...{ round, from: 0, kind: 'partial', node: 2, count: 1, vectorLength: length, offset: 0 },
    values,
  };
}

it('ends a message that a broken stream began again, though its array has been given away since', () => {
  const window = new SendWindow();
  const past = messageOf(1);
  window.push(past);
  window.push(messageOf(2));
  window.restart();
  const chunks = [encodeFrames(window.take())];
  window.push(messageOf(3));
  structuredClone(past.values, { transfer: [past.values.buffer as ArrayBuffer] });
  for (let frames = window.take(); frames.length > 0; frames = window.take()) {
    chunks.push(encodeFrames(frames));
  }
  const reader = new FrameReader();
  const received = chunks.flatMap((chunk) => reader.read(chunk));
  expect(received.map(({ round, values }) => [round, values.at(-1)])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
});
