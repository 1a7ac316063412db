import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { JudgeProcess } from '../../support/judge-process.js';

export interface MadeNetwork {
  readonly tensors: readonly (readonly [string, readonly number[]])[];
  readonly representation: string;
  readonly smallest: number;
  readonly imageSize: number;
  readonly numParameters: number;
  readonly gigaMultiplyAdds: number;
}

/** torchvision in one process of judge.py. */
export class Judge {
  readonly #process: JudgeProcess;

  constructor(python: string) {
    const script = fileURLToPath(new URL('judge.py', import.meta.url));
    this.#process = new JudgeProcess(python, script);
  }

  #giveImages(images_NCHW: Float32Array): void {
    this.#process.give('images.f32', images_NCHW);
  }

  /** Has torchvision build the network with seeded weights; they are in a file until {@link weights} takes them. */
  make(architecture: string, seed: number): Promise<MadeNetwork> {
    return this.#process.ask('make', { architecture, seed }) as Promise<MadeNetwork>;
  }

  /** The bytes of the last network's file of weights, which is removed. */
  weights(): Buffer {
    return this.#process.take('weights.safetensors');
  }

  /** Has torchvision load a state dict into the last network, strictly; and which of its values are not those of {@link make}. */
  async load(name: string, bytes: Uint8Array) {
    const path = this.#process.path(name);
    writeFileSync(path, bytes);
    try {
      return (await this.#process.ask('load', { path })) as {
        names: string[];
        different: string[];
      };
    } finally {
      rmSync(path);
    }
  }

  /** The last network's logits. */
  async logits(images_NCHW: Float32Array, size: number): Promise<Float32Array> {
    this.#giveImages(images_NCHW);
    await this.#process.ask('logits', { size });
    return this.#process.floats('logits.f32');
  }

  /** What every node of the last network's trace gives, by its name; and the names of the trace in training. */
  async layers(images_NCHW: Float32Array, size: number) {
    this.#giveImages(images_NCHW);
    const { shapes, training } = (await this.#process.ask('layers', { size })) as {
      shapes: [string, number[]][];
      training: string[];
    };
    const values = this.#process.floats('layers.f32');
    const outputs = new Map<string, Float32Array>();
    let offset = 0;
    for (const [name, shape] of shapes) {
      const length = shape.reduce((product, side) => product * side, 1);
      outputs.set(name, values.subarray(offset, offset + length));
      offset += length;
    }
    return { outputs, training };
  }

  /** Standard deviation and largest magnitude of each float tensor of a network that torchvision initialised. */
  async statistics(
    architecture: string,
    seed: number,
  ): Promise<Readonly<Record<string, readonly [number, number]>>> {
    const answer = await this.#process.ask('statistics', { architecture, seed });
    return (answer as { statistics: Record<string, [number, number]> }).statistics;
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}
