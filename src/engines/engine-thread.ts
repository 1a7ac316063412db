import { parentPort, workerData } from 'node:worker_threads';
import { VectorPool } from '../collective/vector-pool.js';
import { FtctlError } from '../errors/index.js';
import type {
  EngineReply,
  EngineRequest,
  EngineThreadData,
  EngineThreadInput,
} from './engine-thread-messages.js';
import { openEngineHere } from './open-engine-here.js';
import type { PhaseEngine, ShardSums } from './phase-engine.js';
import { OwnCopy } from './shared-copy.js';

/** Entry of the worker thread that computes large gradients (threaded-engine.ts). */

const port = parentPort;
if (port === null) throw new Error('this module is the entry of a worker thread');

const { options, newest } = workerData as EngineThreadData;
const parameters = new OwnCopy();
const statistics = new OwnCopy();
const pool = new VectorPool();
let current = 0;
let isClosing = false;

/** Asked between the runs of a request: nobody waits for what is left of it. */
const isGivenUp = (): boolean => Atomics.load(newest, 0) !== current;

function reply(message: EngineReply, transfer: ArrayBuffer[] = []): void {
  port!.postMessage(message, transfer);
}

async function answer(engine: PhaseEngine, request: EngineRequest): Promise<void> {
  const { id, lent } = request;
  const lentBuffers = lent.map(({ buffer }) => buffer);
  current = id;
  try {
    const tensors = {
      parameters: parameters.of(request.tensors.parameters),
      statistics: statistics.of(request.tensors.statistics),
    };
    if (request.kind === 'gradients') {
      for (const values of request.spare) pool.give(values);
      const result = await engine.gradients(request.batches, request.place, tensors);
      reply({ type: 'result', id, result, lent }, [
        ...result.map(({ values }) => values.buffer as ArrayBuffer),
        ...lentBuffers,
      ]);
    } else {
      const result: ShardSums = await engine.evaluate(request.batch, tensors);
      reply({ type: 'result', id, result, lent }, lentBuffers);
    }
  } catch (error) {
    reply({ type: 'error', id, error: FtctlError.from(error).toJSON(), lent }, lentBuffers);
  }
}

try {
  const engine = await openEngineHere(options, { isGivenUp, pool });
  let last = Promise.resolve();
  port.on('message', (message: EngineThreadInput) => {
    if (message.kind === 'close') {
      isClosing = true;
      last = last
        .then(() => engine.close())
        .finally(() => {
          port.close();
        });
      return;
    }
    last = last.then(() => (isClosing ? undefined : answer(engine, message)));
  });
  reply({ type: 'ready' });
} catch (error) {
  reply({ type: 'unavailable', error: FtctlError.from(error).toJSON() });
  port.close();
}
