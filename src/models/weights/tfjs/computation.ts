/**
 * A network as a graph of computations alone, without names: what two descriptions of one network have in common. Both Keras'
 * layers and ours are brought into this form, and where the forms are equal, weights of one are those of the other.
 */
export interface Computation {
  /** What is computed, with everything that matters to the result but the weights. */
  readonly op: string;
  readonly inputs: readonly Computation[];
  /** The layer that has the weights, in its own description's words; null: none. */
  readonly layer: string | null;
  /** In words, for messages. */
  readonly origin: string;
}

export const image: Computation = { op: 'image', inputs: [], layer: null, origin: 'the image' };

/** Padding in the one form that equal paddings share. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  /** [top, left, bottom, right], or TensorFlow's SAME. */
  readonly padding: readonly [number, number, number, number] | 'same';
}

/**
 * What a window says, as text. SAME at stride 1 does not depend on the image: it is spelt out. Keras' MobileNet pads [0, 1] and
 * takes no more (`correct_pad`) where an image is even, which is SAME for a kernel of 3 and a stride of 2.
 */
export function windowText({ kernel, stride, padding }: Window): string {
  const [kernelH, kernelW] = kernel;
  let text = `${kernelH}x${kernelW} stride ${stride.join('x')} padding `;
  if (padding === 'same' && stride[0] === 1 && stride[1] === 1) {
    const before = [kernelH, kernelW].map((side) => Math.floor((side - 1) / 2));
    const after = [kernelH, kernelW].map((side) => Math.ceil((side - 1) / 2));
    text += [...before, ...after].join(',');
  } else {
    const isCorrectPad =
      kernel.join() === '3,3' && stride.join() === '2,2' && String(padding) === '0,0,1,1';
    text += isCorrectPad ? 'same' : String(padding);
  }
  return text;
}

/** Texts that are equal where whole computations are. */
class Signatures {
  readonly #numbers = new Map<string, number>();
  readonly #of = new Map<Computation, number>();

  of(computation: Computation): number {
    const known = this.#of.get(computation);
    if (known !== undefined) return known;
    const inputs = computation.inputs.map((input) => this.of(input));
    // A sum is the same in any order.
    if (computation.op === 'add') inputs.sort((a, b) => a - b);
    const text = `${computation.op}(${inputs.join()})`;
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    this.#of.set(computation, number);
    return number;
  }
}

/**
 * Which layer with weights of `theirs` is which of `ours`, by our name. Throws an Error that names the first place, from the image
 * on, where the two compute different things.
 */
export function matchComputations(theirs: Computation, ours: Computation): Map<string, string> {
  const signatures = new Signatures();
  const pairs = new Map<string, string>();
  const partners = new Map<Computation, Computation>();
  const match = (a: Computation, b: Computation): void => {
    const known = partners.get(b);
    if (known === a) return;
    if (known !== undefined) {
      throw new Error(`${a.origin} and ${known.origin} are one layer of the network, ${b.origin}`);
    }
    partners.set(b, a);
    if (a.inputs.length === b.inputs.length) {
      const order = [...b.inputs];
      for (const input of a.inputs) {
        const same = order.findIndex((other) => signatures.of(other) === signatures.of(input));
        const [partner] = order.splice(a.op === 'add' && same > 0 ? same : 0, 1);
        match(input, partner!);
      }
    }
    if (a.op !== b.op || a.inputs.length !== b.inputs.length) {
      throw new Error(`${a.origin} is ${a.op} where ${b.origin} of the network is ${b.op}`);
    }
    if (a.layer === null || b.layer === null) return;
    pairs.set(b.layer, a.layer);
  };
  match(theirs, ours);
  return pairs;
}
