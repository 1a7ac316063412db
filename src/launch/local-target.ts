import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RunSpec } from '../config/run-spec.js';
import type { RunFolder } from '../state/run-folder.js';
import { diskError } from '../util/atomic-file.js';
import { type ChildMessage, isChildMessage } from '../util/child-channel.js';
import { nodeFlags } from './node-flags.js';
import type { ProcessExit, Target, TargetProcess } from './target.js';

export interface LocalTargetOptions {
  readonly run: RunFolder;
  /** The join token; goes to the children in FTCTL_TOKEN, never on a command line, which everybody can read. */
  readonly token: string;
  /** Ids for CUDA_VISIBLE_DEVICES, dealt to the workers in turn; empty: the workers see what the launcher sees. */
  readonly devices: readonly string[];
  /** Program and first arguments; absent: this installation's `ftctl`, in the same Node. */
  readonly command?: readonly string[];
  readonly spec: Pick<RunSpec, 'engine' | 'metrics'>;
  readonly env?: NodeJS.ProcessEnv;
}

const ftctl = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
/** After a process has ended, its last messages are read; something else may hold the channel open. */
const channelLimitMs = 1000;

/**
 * Starts coordinator and workers as child processes on this machine. Their output is appended to `logs/*.log`, also what
 * a native library says as it crashes. They share the launcher's process group and must ignore SIGINT.
 */
export function localTarget(options: LocalTargetOptions): Target {
  const [program, ...first] = options.command ?? [process.execPath, ...nodeFlags, ftctl];
  const start = (
    args: readonly string[],
    logPath: string,
    env: NodeJS.ProcessEnv,
  ): TargetProcess => {
    const base = { ...(options.env ?? process.env), FTCTL_TOKEN: options.token };
    return spawnLogged(program!, [...first, ...args], logPath, { ...base, ...env });
  };
  return {
    startCoordinator: () =>
      start(['coordinator', '--run-dir', options.run.dir], options.run.logPath('coordinator'), {}),
    startWorker: (slot, join) => {
      const log = options.run.logPath({ slot });
      const { engine, metrics } = options.spec;
      const flags = {
        ...{ join, slot, log, run: options.run.id, provider: engine.provider },
        ...(metrics.enabled
          ? { metrics: `${metrics.host}:${workerPort(metrics.port, slot)}` }
          : {}),
      };
      const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
      return start(['worker', ...args], log, deviceEnv(options.devices, slot));
    },
  };
}

/** The coordinator has the configured port, the workers those after it; 0 is any free port for each. */
function workerPort(port: number, slot: number): number {
  return port === 0 ? 0 : port + 1 + slot;
}

/** One device for each worker; TF32 would round products to 10 bits and differ between devices. */
export function deviceEnv(devices: readonly string[], slot: number): NodeJS.ProcessEnv {
  const device = devices[slot % devices.length];
  return device === undefined ? {} : { CUDA_VISIBLE_DEVICES: device, NVIDIA_TF32_OVERRIDE: '0' };
}

function spawnLogged(
  program: string,
  args: readonly string[],
  logPath: string,
  env: NodeJS.ProcessEnv,
): TargetProcess {
  let log: number;
  try {
    log = openSync(logPath, 'a');
  } catch (error) {
    throw diskError(error, logPath);
  }
  try {
    const logStart = fstatSync(log).size;
    const child = spawn(program, args, { env, stdio: ['ignore', log, log, 'ipc'] });
    return wrap(child, logPath, logStart);
  } finally {
    closeSync(log);
  }
}

function wrap(child: ChildProcess, logPath: string, logStart: number): TargetProcess {
  const handlers: ((message: ChildMessage) => void)[] = [];
  child.on('message', (message) => {
    if (!isChildMessage(message)) return;
    for (const handler of handlers) handler(message);
  });
  return {
    pid: child.pid,
    logPath,
    logStart,
    onMessage: (handler) => {
      handlers.push(handler);
    },
    send: (message) => {
      // Without a callback a write to a process that just died raises an error event.
      if (child.connected) child.send(message, () => undefined);
    },
    kill: (signal) => {
      child.kill(signal);
    },
    exited: exitOf(child),
  };
}

async function exitOf(child: ChildProcess): Promise<ProcessExit> {
  const exit = await new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve({ code, signal });
    });
    // Also raised for a failed kill or send of a process that runs: only one without a pid was never started.
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, startError: error });
    });
  });
  if (child.connected) {
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, channelLimitMs);
      child.once('disconnect', () => {
        clearTimeout(limit);
        resolve();
      });
    });
    releaseChannel(child);
  }
  return exit;
}

/** A grandchild may hold the channel open, and it would keep the launcher alive. */
function releaseChannel(child: ChildProcess): void {
  if (child.connected) child.disconnect();
}
