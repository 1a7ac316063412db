import { parentPort, workerData } from 'node:worker_threads';
import { FtctlError } from '../errors/index.js';
import type { GradientEngine } from './gradient-engine.js';
import type {
  GradientReply,
  GradientRequest,
  GradientThreadData,
  GradientThreadInput,
} from './gradient-thread-messages.js';
import { openHeadSession } from './head-session.js';

/** Entry of the worker thread that computes large gradients (onnx-gradient-engine.ts). */

const port = parentPort;
if (port === null) throw new Error('this module is the entry of a worker thread');

function reply(message: GradientReply, transfer: ArrayBuffer[] = []): void {
  port!.postMessage(message, transfer);
}

async function answer(engine: GradientEngine, request: GradientRequest): Promise<void> {
  const { id, kind, batch, parameters_P } = request;
  try {
    const result = await engine[kind](batch, parameters_P);
    const buffers = Object.values(result).map((values: Float32Array) => values.buffer);
    reply({ type: 'result', id, result }, buffers as ArrayBuffer[]);
  } catch (error) {
    reply({ type: 'error', id, error: FtctlError.from(error).toJSON() });
  }
}

try {
  const engine = await openHeadSession(workerData as GradientThreadData);
  let last = Promise.resolve();
  let closing = false;
  port.on('message', (message: GradientThreadInput) => {
    if (message.kind === 'close') {
      closing = true;
      last = last
        .then(() => engine.close())
        .finally(() => {
          port.close();
        });
      return;
    }
    last = last.then(() => (closing ? undefined : answer(engine, message)));
  });
  reply({ type: 'ready' });
} catch (error) {
  reply({ type: 'unavailable', error: FtctlError.from(error).toJSON() });
  port.close();
}
