import type { LayerNodes } from './layer-nodes.js';

/** A sliding window along one axis: its tap t at output o is element o * stride + t * dilation - before. */
export interface AxisWindow {
  /** L, elements of the axis. */
  readonly size: number;
  /** O, windows. */
  readonly outputSize: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Elements of padding before the first. */
  readonly before: number;
}

interface Tap {
  /** Element o * stride + phase of the axis, for o from `offset` on. */
  readonly phase: number;
  readonly offset: number;
}

/**
 * What the taps of a window along an axis read, and the transpose of it, for values [A, L, I]. The axis is first divided into its phases,
 * every `stride`-th element, by one operator (a Slice with steps is several times as slow, a Transpose more): then a tap is a phase
 * shifted, which is free where the shift is 0.
 *
 * Legend: A elements outside of the axis, I inside of it, L along it, O windows.
 */
export class AxisTaps {
  readonly #nodes: LayerNodes;
  readonly #window: AxisWindow;
  readonly #outer: number;
  readonly #inner: number;
  /** Without those that read nothing but padding. */
  readonly #taps: readonly Tap[];
  /** Elements of each phase. */
  readonly #phaseSize: number;

  constructor(nodes: LayerNodes, window: AxisWindow, outer: number, inner: number) {
    const { size, outputSize, kernel, stride, dilation, before } = window;
    this.#nodes = nodes;
    this.#window = window;
    this.#outer = outer;
    this.#inner = inner;
    this.#phaseSize = Math.ceil(size / stride);
    this.#taps = Array.from({ length: kernel }, (_, tap) => {
      const first = tap * dilation - before;
      const offset = Math.floor(first / stride);
      return { offset, phase: first - offset * stride };
    }).filter(({ offset }) => offset + outputSize > 0 && offset < this.#phaseSize);
  }

  get numTaps(): number {
    return this.#taps.length;
  }

  /** For each tap, in order, what it reads in each window: [A, O, 1, I]. `fill` is what the padding holds. */
  read(suffix: string, values: string, fill: number): string[] {
    const { stride, outputSize, size } = this.#window;
    const nodes = this.#nodes;
    const phased = nodes.reshape(
      `${suffix}.phased`,
      this.#lengthened(suffix, values, this.#phaseSize * stride - size, fill),
      [this.#outer, this.#phaseSize, stride, this.#inner],
    );
    const phases = nodes.split(`${suffix}.phase`, phased, 2, stride);
    return this.#taps.map(({ phase, offset }, t) => {
      const after = outputSize + offset - this.#phaseSize;
      return nodes.pad(
        `${suffix}.tap_${t}`,
        phases[phase]!,
        [0, -offset, 0, 0],
        [0, after, 0, 0],
        fill,
      );
    });
  }

  /** The sum of what each tap gives to the elements that it reads: a value [A, O, 1, I] for each -> [A, L, I]. */
  place(suffix: string, ofTaps: readonly string[]): string {
    const { stride, outputSize, size } = this.#window;
    const nodes = this.#nodes;
    const phases = Array.from({ length: stride }, (_, phase) => {
      const placed = this.#taps.flatMap((tap, t) => {
        if (tap.phase !== phase) return [];
        const after = this.#phaseSize - outputSize - tap.offset;
        const value = ofTaps[t]!;
        return [nodes.pad(`${suffix}.tap_${t}`, value, [0, tap.offset, 0, 0], [0, after, 0, 0])];
      });
      const sum = (before: string, next: string, i: number): string =>
        nodes.node('Add', `${suffix}.phase_${phase}.${i}`, [before, next]);
      return placed.length === 0 ? this.#zeros(`${suffix}.phase_${phase}`) : placed.reduce(sum);
    });
    const all = stride === 1 ? phases[0]! : nodes.concat(`${suffix}.phases`, phases, 2);
    const length = this.#phaseSize * stride;
    const joined = nodes.reshape(`${suffix}.joined`, all, [this.#outer, length, this.#inner]);
    return this.#lengthened(suffix, joined, size - length, 0);
  }

  #lengthened(suffix: string, values: string, by: number, fill: number): string {
    const { size } = this.#window;
    const from = by < 0 ? size - by : size;
    if (by === 0) return values;
    const shape = [this.#outer, from, this.#inner];
    const flat = this.#nodes.reshape(`${suffix}.flat`, values, shape);
    return this.#nodes.pad(`${suffix}.lengthened`, flat, [0, 0, 0], [0, by, 0], fill);
  }

  #zeros(suffix: string): string {
    const shape = [this.#outer, this.#phaseSize, 1, this.#inner];
    return this.#nodes.node('ConstantOfShape', suffix, [
      this.#nodes.integers(`${suffix}.shape`, shape),
    ]);
  }
}
