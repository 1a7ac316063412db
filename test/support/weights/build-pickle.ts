/** Pickles by hand: opcodes as their letters, with the arguments that tests need. */
export const pickle = {
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  text: (value: string) => {
    const bytes = Buffer.from(value);
    const head = Buffer.alloc(5, 'X');
    head.writeUInt32LE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  },
  int: (value: number) => {
    const bytes = Buffer.alloc(5, 'J');
    bytes.writeInt32LE(value, 1);
    return bytes;
  },
  op: (letters: string) => Buffer.from(letters, 'latin1'),
  put: (key: number) => Buffer.of(0x71, key),
  get: (key: number) => Buffer.of(0x68, key),
};

/** A whole pickle of protocol 2: each part, then STOP. */
export function pickleOf(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(0x80, 2), ...parts, Buffer.from('.')]);
}
