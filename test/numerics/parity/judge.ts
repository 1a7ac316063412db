import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface MadeNetwork {
  readonly tensors: readonly (readonly [string, readonly number[]])[];
  readonly representation: string;
  readonly smallest: number;
  readonly imageSize: number;
  readonly numParameters: number;
  readonly gigaMultiplyAdds: number;
}

/** One process of judge.py, and the folder in which files go to and fro. */
export class Judge {
  readonly dir = mkdtempSync(join(tmpdir(), 'ftctl-parity-'));
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(python: string) {
    const script = fileURLToPath(new URL('judge.py', import.meta.url));
    this.#child = spawn(python, ['-W', 'ignore', script]);
    this.#child.stderr.pipe(process.stderr);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async #ask(what: string, request: Readonly<Record<string, unknown>>): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify({ what, dir: this.dir, ...request })}\n`);
    const line = await this.#answers.next();
    if (line.done === true) throw new Error(`judge.py ended with ${this.#child.exitCode}`);
    const answer = JSON.parse(line.value) as { error?: string };
    if (answer.error !== undefined) throw new Error(`judge.py says: ${answer.error}`);
    return answer;
  }

  #floats(name: string): Float32Array {
    const bytes = readFileSync(join(this.dir, name));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }

  #giveImages(images_NCHW: Float32Array): void {
    writeFileSync(join(this.dir, 'images.f32'), images_NCHW);
  }

  /** Has torchvision build the network with seeded weights; they are in a file until {@link weights} takes them. */
  make(architecture: string, seed: number): Promise<MadeNetwork> {
    return this.#ask('make', { architecture, seed }) as Promise<MadeNetwork>;
  }

  /** The bytes of the last network's file of weights, which is removed. */
  weights(): Buffer {
    const path = join(this.dir, 'weights.safetensors');
    const bytes = readFileSync(path);
    rmSync(path);
    return bytes;
  }

  /** Has torchvision load a state dict into the last network, strictly; and which of its values are not those of {@link make}. */
  async load(name: string, bytes: Uint8Array) {
    const path = join(this.dir, name);
    writeFileSync(path, bytes);
    try {
      return (await this.#ask('load', { path })) as { names: string[]; different: string[] };
    } finally {
      rmSync(path);
    }
  }

  /** The last network's logits. */
  async logits(images_NCHW: Float32Array, size: number): Promise<Float32Array> {
    this.#giveImages(images_NCHW);
    await this.#ask('logits', { size });
    return this.#floats('logits.f32');
  }

  /** What every node of the last network's trace gives, by its name; and the names of the trace in training. */
  async layers(images_NCHW: Float32Array, size: number) {
    this.#giveImages(images_NCHW);
    const { shapes, training } = (await this.#ask('layers', { size })) as {
      shapes: [string, number[]][];
      training: string[];
    };
    const values = this.#floats('layers.f32');
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
    const answer = await this.#ask('statistics', { architecture, seed });
    return (answer as { statistics: Record<string, [number, number]> }).statistics;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    await ended;
    rmSync(this.dir, { recursive: true, force: true });
  }
}
