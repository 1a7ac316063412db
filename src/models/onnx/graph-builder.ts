import { numElements } from '../tensor-specs.js';
import {
  encodeOnnx,
  onnxAttributeTypes,
  onnxTypes,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from './schema.js';

/** An attribute's value: an integer, integers, or `{ float }`. */
export type AttributeValue = number | readonly number[] | { readonly float: number };

/** A named dimension is dynamic. */
export type Dimensions = readonly (number | string)[];

type ElementType = keyof typeof onnxTypes;

/** The operator set that the graphs are written in; onnxruntime 1.30 takes 7 to 23. */
const opsetVersion = 17;
const irVersion = 8;

function attribute(name: string, value: AttributeValue): OnnxAttribute {
  if (typeof value === 'number') return { name, type: onnxAttributeTypes.int, i: value };
  if ('float' in value) return { name, type: onnxAttributeTypes.float, f: value.float };
  return { name, type: onnxAttributeTypes.ints, ints: value };
}

function valueInfo(name: string, type: ElementType, dimensions: Dimensions): OnnxValueInfo {
  const dim = dimensions.map((side) =>
    typeof side === 'number' ? { dimValue: side } : { dimParam: side },
  );
  return { name, type: { tensorType: { elemType: onnxTypes[type], shape: { dim } } } };
}

/** Collects an ONNX graph. Values are referred to by name; a node with one output is named after it. */
export class GraphBuilder {
  readonly #name: string;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #outputs: OnnxValueInfo[] = [];
  /** New names of values that nodes give. */
  readonly #renamed = new Map<string, string>();

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, type: ElementType, dimensions: Dimensions): string {
    this.#inputs.push(valueInfo(name, type, dimensions));
    return name;
  }

  output(name: string, type: ElementType, dimensions: Dimensions): void {
    this.#outputs.push(valueInfo(name, type, dimensions));
  }

  /**
   * Makes a value an output under another name, in whatever shape it has, and float. Where a node gives it, nothing copies it, as a
   * Reshape to an output would.
   */
  outputAs(name: string, value: string): void {
    const isMade = this.#nodes.some(({ output }) => output.includes(value));
    if (isMade && !this.#renamed.has(value)) this.#renamed.set(value, name);
    else this.node('Identity', name, [value]);
    this.#outputs.push({ name, type: { tensorType: { elemType: onnxTypes.float } } });
  }

  /** A constant; the same name twice is the same constant. Values are stored as they are, little-endian. */
  constant(name: string, dims: readonly number[], data: Float32Array | Int32Array | BigInt64Array) {
    if (data.length !== numElements(dims)) {
      throw new Error(`${name}: ${data.length} values for [${dims.join(', ')}]`);
    }
    const type: ElementType =
      data instanceof Float32Array ? 'float' : data instanceof Int32Array ? 'int32' : 'int64';
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.set(name, { dims, dataType: onnxTypes[type], name, rawData });
    return name;
  }

  floats(name: string, dims: readonly number[], values: readonly number[]): string {
    return this.constant(name, dims, Float32Array.from(values));
  }

  /** A one-dimensional int64 constant: shapes and axes. */
  integers(name: string, values: readonly number[]): string {
    return this.constant(name, [values.length], BigInt64Array.from(values, BigInt));
  }

  node(
    opType: string,
    output: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string {
    this.nodeOfOutputs(opType, [output], inputs, attributes);
    return output;
  }

  /** A node with several outputs; it is named after the first. */
  nodeOfOutputs(
    opType: string,
    outputs: readonly string[],
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): void {
    this.#nodes.push({
      input: inputs,
      output: outputs,
      name: outputs[0]!,
      opType,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
  }

  /** The bytes of the ONNX file, with `metadata` as its metadata_props. */
  build(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    const nameOf = (value: string): string => this.#renamed.get(value) ?? value;
    return encodeOnnx({
      irVersion,
      producerName: 'ftctl',
      opsetImport: [{ domain: '', version: opsetVersion }],
      graph: {
        name: this.#name,
        node: this.#nodes.map((node) => ({
          ...node,
          input: node.input.map(nameOf),
          output: node.output.map(nameOf),
        })),
        initializer: [...this.#initializers.values()],
        input: this.#inputs,
        output: this.#outputs,
      },
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    });
  }
}
