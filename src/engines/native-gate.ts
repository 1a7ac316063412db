import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

/**
 * Keeps a process from ending while one of its threads is inside onnxruntime: when a thread is stopped there (by
 * `process.exit`, or `terminate`), onnxruntime's binding throws a C++ exception that nothing can catch, and the process aborts with
 * exit code 134 instead of its own. So the main thread's exit handler shuts the gate and waits until all are out.
 *
 * The gate is shared memory that every thread inherits: [number of threads inside, 1 once it is shut].
 */

const environmentKey = 'ftctl.native-gate';
const inside = 0;
const shut = 1;

/** Longer than any run of a backbone; a thread that hangs does not keep the process for ever. */
const exitWaitMs = 10_000;

function currentGate(): Int32Array | undefined {
  const buffer = getEnvironmentData(environmentKey);
  return buffer instanceof SharedArrayBuffer ? new Int32Array(buffer) : undefined;
}

/**
 * Must have been called in the main thread before it starts a thread that computes with onnxruntime; again does nothing.
 */
export function armNativeGate(): void {
  if (!isMainThread || currentGate() !== undefined) return;
  const gate = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  setEnvironmentData(environmentKey, gate.buffer);
  process.on('exit', () => {
    Atomics.store(gate, shut, 1);
    const deadline = performance.now() + exitWaitMs;
    for (;;) {
      const numInside = Atomics.load(gate, inside);
      const leftMs = deadline - performance.now();
      if (numInside === 0 || leftMs <= 0) return;
      Atomics.wait(gate, inside, numInside, leftMs);
    }
  });
}

/**
 * Does `work`, which calls into onnxruntime, inside the gate. Once the gate is shut the process is ending, and the promise
 * never settles. In the main thread it only does the work: `process.exit` cannot come in the middle of a call there.
 */
export async function insideNativeGate<T>(work: () => Promise<T>): Promise<T> {
  const gate = isMainThread ? undefined : currentGate();
  if (gate === undefined) return work();
  Atomics.add(gate, inside, 1);
  try {
    if (Atomics.load(gate, shut) === 1) {
      leave(gate);
      return await new Promise<never>(() => undefined);
    }
    return await work();
  } finally {
    leave(gate);
  }
}

function leave(gate: Int32Array): void {
  Atomics.sub(gate, inside, 1);
  Atomics.notify(gate, inside);
}
