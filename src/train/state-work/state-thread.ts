import { parentPort } from 'node:worker_threads';
import { FtctlError } from '../../errors/index.js';
import type { StateReply, StateRequest, StateResults, StateTask } from './state-thread-messages.js';
import { StateTasks } from './state-tasks.js';

/** Entry of the worker thread that does the work of a large state (threaded-state-work.ts), one request after the other. */

const port = parentPort;
if (port === null) throw new Error('this module is the entry of a worker thread');

const tasks = new StateTasks();

port.on('message', ({ id, task }: StateRequest) => {
  try {
    const result = tasks.do(task);
    port.postMessage({ id, result } satisfies StateReply, givenBack(task, result));
  } catch (error) {
    port.postMessage({ id, error: FtctlError.from(error).toJSON() } satisfies StateReply);
  }
});

/** What is moved to the other thread instead of being copied. */
function givenBack(task: StateTask, result: StateResults[keyof StateResults]): ArrayBuffer[] {
  if (task.kind === 'inspect') return [task.reduced.buffer as ArrayBuffer];
  if (task.kind === 'update') return [task.task.reduced.buffer as ArrayBuffer];
  if (task.kind === 'snapshot') {
    return [(result as StateResults['snapshot']).bytes.buffer as ArrayBuffer];
  }
  return [];
}
