import type * as Ort from 'onnxruntime-node';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { FtctlError } from '../errors/index.js';
import { insideNativeGate } from './native-gate.js';

export type Provider = 'cpu' | 'cuda' | 'webgpu';

type Runtime = typeof Ort;

/**
 * Changes bits, so it is the same for every session and part of the fingerprint. `all` includes the blocked layouts that the CPU's
 * convolutions are fast in.
 */
export const graphOptimization = 'all';

const howToGet: Readonly<Record<Provider, string>> = {
  cpu: 'Install ftctl again for this platform: `npm install`.',
  cuda: "Install onnxruntime-node's CUDA libraries (its install script fetches them), CUDA 12 and cuDNN 9, or use `engine.provider: cpu`.",
  webgpu:
    'Use a machine with a GPU driver that supports WebGPU (Vulkan, Metal or D3D12), or `engine.provider: cpu`.',
};

function unavailable(provider: Provider, why: string, cause: unknown): FtctlError {
  return new FtctlError('FT_ENGINE_UNAVAILABLE', {
    what: `The engine's provider ${provider} is not available on this machine.`,
    why,
    remedy: howToGet[provider],
    cause,
    details: { provider },
  });
}

/** The first line of what a native library said. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n')[0] ?? message).trim();
}

/** onnxruntime is loaded when it is first needed: its native library takes 20 MB and most commands do without it. */
async function loadRuntime(provider: Provider): Promise<Runtime> {
  try {
    const loaded = (await import('onnxruntime-node')) as Runtime & { default?: Runtime };
    // A CommonJS package: whether its names are also exports of the module is up to the loader.
    const runtime = loaded.default ?? loaded;
    // Its errors reach the user as exceptions; on stderr they would stand in front of the message.
    runtime.env.logLevel = 'fatal';
    return runtime;
  } catch (error) {
    throw unavailable(provider, `onnxruntime cannot be loaded: ${reasonOf(error)}.`, error);
  }
}

export interface SessionOptions {
  readonly provider: Provider;
  readonly threads: number;
}

/** An input or output of a model. */
export interface SessionValue {
  readonly name: string;
  /** Of the elements, as onnxruntime calls it: `float32`; undefined for what is no tensor. */
  readonly type: string | undefined;
  /** Dynamic dimensions are names; empty also where the model says nothing. */
  readonly shape: readonly (number | string)[];
}

function sessionValue(value: InferenceSession.ValueMetadata): SessionValue {
  const { name } = value;
  return value.isTensor
    ? { name, type: value.type, shape: value.shape }
    : { name, type: undefined, shape: [] };
}

/** Values by name; each is plain memory with a shape. */
export interface TensorValue {
  readonly data: Float32Array | Int32Array;
  readonly dims: readonly number[];
}

/**
 * One loaded ONNX graph. `run` blocks the event loop of its thread while it computes: call it where that is allowed.
 */
export class OnnxSession {
  readonly #runtime: Runtime;
  readonly #session: InferenceSession;

  private constructor(runtime: Runtime, session: InferenceSession) {
    this.#runtime = runtime;
    this.#session = session;
  }

  /**
   * Loads a model from a file or from bytes. Rejects with FT_ENGINE_UNAVAILABLE where the provider is not there, else with
   * FT_ENGINE_MODEL.
   */
  static async open(model: string | Uint8Array, options: SessionOptions): Promise<OnnxSession> {
    const { provider, threads } = options;
    const runtime = await loadRuntime(provider);
    const settings: InferenceSession.SessionOptions = {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: graphOptimization,
      logSeverityLevel: 4,
      // Idle threads that spin take the cores from decoding, augmentation and other workers: measured on two busy cores, up to
      // twice the processor time for an image.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    };
    try {
      const session = await insideNativeGate(() =>
        typeof model === 'string'
          ? runtime.InferenceSession.create(model, settings)
          : runtime.InferenceSession.create(model, settings),
      );
      return new OnnxSession(runtime, session);
    } catch (error) {
      const why = `onnxruntime says: ${reasonOf(error)}`;
      if (provider !== 'cpu') throw unavailable(provider, why, error);
      throw new FtctlError('FT_ENGINE_MODEL', {
        what:
          typeof model === 'string'
            ? `The model file ${model} cannot be loaded.`
            : 'A graph made by ftctl cannot be loaded.',
        why,
        cause: error,
      });
    }
  }

  /** What the model says of its inputs. */
  get inputs(): readonly SessionValue[] {
    return this.#session.inputMetadata.map(sessionValue);
  }

  get outputs(): readonly SessionValue[] {
    return this.#session.outputMetadata.map(sessionValue);
  }

  /** The shape that the model gives an input or output; dynamic dimensions are names. Undefined if there is none. */
  shapeOf(name: string): readonly (number | string)[] | undefined {
    const { inputMetadata, outputMetadata } = this.#session;
    const found = [...inputMetadata, ...outputMetadata].find((value) => value.name === name);
    return found?.isTensor === true ? found.shape : undefined;
  }

  /**
   * Runs the graph on the inputs' own memory. The results are float32, by name: in the memory that `into` gives, new memory for
   * outputs that it does not name (undefined: all). Rejects with FT_ENGINE_FAILED.
   */
  async run(
    feeds: Readonly<Record<string, TensorValue>>,
    into?: Readonly<Record<string, TensorValue | null>>,
  ): Promise<Record<string, Float32Array>> {
    const inputs: Record<string, Tensor> = {};
    for (const [name, { data, dims }] of Object.entries(feeds)) {
      inputs[name] =
        data instanceof Float32Array
          ? new this.#runtime.Tensor('float32', data, dims)
          : new this.#runtime.Tensor('int32', data, dims);
    }
    let outputs: InferenceSession.OnnxValueMapType;
    try {
      outputs = await insideNativeGate(() =>
        into === undefined
          ? this.#session.run(inputs)
          : this.#session.run(inputs, this.#destinations(into)),
      );
    } catch (error) {
      throw new FtctlError('FT_ENGINE_FAILED', {
        what: 'The engine failed while computing.',
        why: `onnxruntime says: ${reasonOf(error)}`,
        cause: error,
      });
    }
    return Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => [
        name,
        (value as Ort.TypedTensor<'float32'>).data,
      ]),
    );
  }

  #destinations(into: Readonly<Record<string, TensorValue | null>>): Record<string, Tensor | null> {
    return Object.fromEntries(
      Object.entries(into).map(([name, value]) => [
        name,
        value === null
          ? null
          : new this.#runtime.Tensor('float32', value.data as Float32Array, value.dims),
      ]),
    );
  }

  async close(): Promise<void> {
    await insideNativeGate(() => this.#session.release());
  }
}
