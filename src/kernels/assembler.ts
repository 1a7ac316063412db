/**
 * WebAssembly modules from instructions, as far as kernels (kernels.ts) need it: functions over one imported memory, which
 * take and give numbers. The binary format is that of the WebAssembly Core Specification 2.0, section 5, with the shared
 * memories of the threads proposal.
 */

/** Types of values by their bytes in the format. */
export const valueTypes = { i32: 0x7f, f64: 0x7c, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = keyof typeof valueTypes;

/** Bytes of instructions. */
export type Code = readonly number[];

export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Local variables after the parameters. */
  readonly locals: readonly ValueType[];
  readonly code: Code;
}

/** Pages of 64 KiB that the imported memory may have. */
export const maxPages = 65_536;

const sections = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const end = 0x0b;

/** The module's bytes. It imports the shared memory `env.memory` and exports each function under its name. */
export function assembleModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters, results }) => [
    0x60,
    ...vector(parameters.map((type) => [valueTypes[type]])),
    ...vector(results.map((type) => [valueTypes[type]])),
  ]);
  // 0x03: shared, with a maximum; at least no page at all.
  const memory = [
    ...text('env'),
    ...text('memory'),
    0x02,
    0x03,
    ...unsigned(0),
    ...unsigned(maxPages),
  ];
  const bodies = functions.map(({ locals, code }) => {
    const body = [...vector(locals.map((type) => [1, valueTypes[type]])), ...code, end];
    return [...unsigned(body.length), ...body];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(sections.type, vector(types)),
    ...section(sections.import, vector([memory])),
    ...section(sections.function, vector(functions.map((_, index) => unsigned(index)))),
    ...section(
      sections.export,
      vector(functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)])),
    ),
    ...section(sections.code, vector(bodies)),
  ]);
}

/** LEB128 of an integer that is not negative. */
export function unsigned(value: number): Code {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

/** LEB128 of an integer of 32 bits. */
export function signed(value: number): Code {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    const isLast = rest >> 6 === 0 || rest >> 6 === -1;
    if (isLast) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function section(id: number, contents: Code): Code {
  return [id, ...unsigned(contents.length), ...contents];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  const bytes = [...Buffer.from(value, 'utf8')];
  return [...unsigned(bytes.length), ...bytes];
}
