import { describe, expect, it } from 'vitest';
import { assembleModule, signed, unsigned } from '../../../src/kernels/assembler.js';
import { kernelMemory } from '../../../src/kernels/kernels.js';

describe('integers of a module', () => {
  it('are LEB128 without a sign', () => {
    // The example of the DWARF standard's appendix C: 624485 is e5 8e 26.
    expect(unsigned(624_485)).toEqual([0xe5, 0x8e, 0x26]);
    expect([0, 127, 128].map(unsigned)).toEqual([[0], [127], [128, 1]]);
    expect(unsigned(2 ** 32 - 1)).toEqual([255, 255, 255, 255, 15]);
  });

  it('are LEB128 with a sign', () => {
    expect(signed(-123_456)).toEqual([0xc0, 0xbb, 0x78]);
    expect([0, 63, 64, -1, -64, -65].map(signed)).toEqual([
      [0],
      [63],
      [0xc0, 0],
      [0x7f],
      [0x40],
      [0xbf, 0x7f],
    ]);
  });
});

describe('a module', () => {
  it('exports its functions, which take and give numbers', () => {
    const bytes = assembleModule([
      {
        name: 'sum',
        parameters: ['i32', 'i32'],
        results: ['i32'],
        locals: [],
        // local.get 0, local.get 1, i32.add
        code: [0x20, 0, 0x20, 1, 0x6a],
      },
      { name: 'half', parameters: ['f64'], results: ['f64', 'f32'], locals: ['f64'], code: half },
    ]);
    const memory = kernelMemory(1);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      env: { memory },
    });
    expect((exports['sum'] as (a: number, b: number) => number)(3, -5)).toBe(-2);
    expect((exports['half'] as (a: number) => number[])(3)).toEqual([3, 1.5]);
  });
});

/** local.get 0, local.set 1, local.get 1, f32.demote_f64 (local.get 0 * 0.5). */
const half = [
  ...[0x20, 0, 0x21, 1, 0x20, 1, 0x20, 0],
  ...[0x44, ...new Uint8Array(Float64Array.of(0.5).buffer), 0xa2, 0xb6],
];
