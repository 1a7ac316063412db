import type { AttributeValue, GraphBuilder } from '../onnx/graph-builder.js';
import { onnxTypes } from '../onnx/schema.js';
import type { RuleContext } from './rule.js';

/** Adds nodes with a layer's names: each value, and each constant that a node has, is called after what it is in the layer. */
export class LayerNodes {
  readonly #graph: GraphBuilder;
  readonly #context: Pick<RuleContext, 'name'>;

  constructor(context: Pick<RuleContext, 'graph' | 'name'>) {
    this.#graph = context.graph;
    this.#context = context;
  }

  node(
    opType: string,
    suffix: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string {
    return this.#graph.node(opType, this.#context.name(suffix), inputs, attributes);
  }

  constant(suffix: string, shape: readonly number[], values: Float32Array): string {
    return this.#graph.constant(this.#context.name(suffix), shape, values);
  }

  filled(suffix: string, shape: readonly number[], value: number): string {
    const length = shape.reduce((product, side) => product * side, 1);
    return this.constant(suffix, shape, new Float32Array(length).fill(value));
  }

  reshape(suffix: string, value: string, shape: readonly number[]): string {
    return this.node('Reshape', suffix, [value, this.integers(`${suffix}.shape`, shape)]);
  }

  transpose(suffix: string, value: string, perm: readonly number[]): string {
    return this.node('Transpose', suffix, [value], { perm });
  }

  concat(suffix: string, values: readonly string[], axis: number): string {
    return this.node('Concat', suffix, values, { axis });
  }

  /** 1 where an element is not zero, else 0. (For what is not negative it is the sign; onnxruntime's Sign takes four times as long.) */
  isNotZero(suffix: string, value: string): string {
    const isNotZero = this.node('Cast', `${suffix}.bool`, [value], { to: onnxTypes.bool });
    return this.node('Cast', suffix, [isNotZero], { to: onnxTypes.float });
  }

  /** Pads with zeros or `fill`: `before` and `after` each axis; negative numbers cut off. */
  pad(
    suffix: string,
    value: string,
    before: readonly number[],
    after: readonly number[],
    fill?: number,
  ): string {
    if ([...before, ...after].every((side) => side === 0)) return value;
    const pads = this.integers(`${suffix}.pads`, [...before, ...after]);
    const fills = fill === undefined ? [] : [this.filled(`${suffix}.fill`, [], fill)];
    return this.node('Pad', suffix, [value, pads, ...fills]);
  }

  /** Equal parts along an axis. */
  split(suffix: string, value: string, axis: number, numParts: number): string[] {
    if (numParts === 1) return [value];
    const parts = Array.from({ length: numParts }, (_, part) =>
      this.#context.name(`${suffix}.${part}`),
    );
    this.#graph.nodeOfOutputs('Split', parts, [value], { axis });
    return parts;
  }

  /** Every `steps`-th element of each of the `axes`, from `starts` to before `ends`. */
  slice(
    suffix: string,
    value: string,
    { axes, starts, ends, steps = axes.map(() => 1) }: SliceRange,
  ): string {
    const operands = Object.entries({ starts, ends, axes, steps }).map(([name, values]) =>
      this.integers(`${suffix}.${name}`, values),
    );
    return this.node('Slice', suffix, [value, ...operands]);
  }

  /** Shapes and axes: int64. */
  integers(suffix: string, values: readonly number[]): string {
    return this.#graph.integers(this.#context.name(suffix), values);
  }
}

interface SliceRange {
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly steps?: readonly number[];
}
