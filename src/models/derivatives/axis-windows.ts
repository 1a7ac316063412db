import type { LayerNodes } from './layer-nodes.js';

/** A sliding window along one axis: its tap t at output o is element o * stride + t * dilation - before. */
interface AxisWindow {
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

  /** For each tap, in order, what it reads in each window: [A, O * I]. `fill` is what the padding holds. */
  read(suffix: string, values: string, fill: number): string[] {
    const { stride, outputSize, size } = this.#window;
    const nodes = this.#nodes;
    const length = this.#phaseSize * stride;
    const whole = this.#moved(`${suffix}.whole`, values, size, { after: length - size, fill });
    const phased = nodes.reshape(`${suffix}.phased`, whole, this.#phased(stride));
    const phases = nodes.split(`${suffix}.phase`, phased, 2, stride);
    return this.#taps.map(({ phase, offset }, t) =>
      this.#moved(`${suffix}.tap_${t}`, phases[phase]!, this.#phaseSize, {
        ...{ before: -offset, after: outputSize + offset - this.#phaseSize, fill },
      }),
    );
  }

  /** The sum of what each tap gives to the elements that it reads: a value [A, O * I] for each -> [A, L * I]. */
  place(suffix: string, ofTaps: readonly string[]): string {
    const { stride, outputSize, size } = this.#window;
    const nodes = this.#nodes;
    const phases = Array.from({ length: stride }, (_, phase) => {
      const name = `${suffix}.phase_${phase}`;
      const placed = this.#taps.flatMap((tap, t) => {
        if (tap.phase !== phase) return [];
        const before = tap.offset;
        const after = this.#phaseSize - outputSize - before;
        return [this.#moved(`${suffix}.tap_${t}`, ofTaps[t]!, outputSize, { before, after })];
      });
      if (placed.length === 0) return this.#zeros(name);
      const sum = placed.reduce((before, next, i) =>
        nodes.node('Add', `${name}.sum_${i}`, [before, next]),
      );
      return stride === 1 ? sum : nodes.reshape(name, sum, this.#phased(1));
    });
    const all = stride === 1 ? phases[0]! : nodes.concat(`${suffix}.phases`, phases, 2);
    const length = this.#phaseSize * stride;
    return this.#moved(`${suffix}.whole`, all, length, { after: size - length });
  }

  /** [A, phase, I * phases] */
  #phased(numPhases: number): number[] {
    return [this.#outer, this.#phaseSize, numPhases * this.#inner];
  }

  /**
   * [A, size * I] with elements of `fill` before and after; negative numbers cut off. (Of two axes, as onnxruntime's Pad takes its time
   * for each element where the axis is followed by others.)
   */
  #moved(
    suffix: string,
    values: string,
    size: number,
    by: { readonly before?: number; readonly after: number; readonly fill?: number },
  ): string {
    const { before = 0, after, fill } = by;
    const rows = this.#nodes.reshape(`${suffix}.rows`, values, [this.#outer, size * this.#inner]);
    const [start, end] = [before * this.#inner, after * this.#inner];
    return this.#nodes.pad(suffix, rows, [0, start], [0, end], fill);
  }

  #zeros(suffix: string): string {
    const shape = this.#nodes.integers(`${suffix}.shape`, this.#phased(1));
    return this.#nodes.node('ConstantOfShape', suffix, [shape]);
  }
}
