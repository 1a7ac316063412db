import { readdirSync, readFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunSpec } from '../../../src/config/run-spec.js';
import type { RunEvent } from '../../../src/control/events.js';
import { FtctlError } from '../../../src/errors/index.js';
import { localTarget } from '../../../src/launch/local-target.js';
import type { LaunchPorts } from '../../../src/launch/run-launch.js';
import { defaultLimits, type SupervisionLimits } from '../../../src/launch/supervision-limits.js';
import type { CoordinatorLink } from '../../../src/launch/supervisor.js';
import { systemClock } from '../../../src/util/clock.js';

/** How the fake processes misbehave; see fake-ftctl.mjs. */
export interface FakePlan {
  readonly numWorkers?: number;
  readonly steps?: number;
  readonly stepMs?: number;
  readonly coordinator?: string;
  readonly workers?: Readonly<Record<number, string>>;
}

const fakeFtctl = fileURLToPath(new URL('./fake-ftctl.mjs', import.meta.url));

/** A configuration with the little of it that a launch reads. */
export function fakeConfig(numWorkers: number, yaml = 'a: 1\n') {
  const engine = { provider: 'cpu', threads: null } as const;
  const metrics = { enabled: false, host: '127.0.0.1', port: 0 };
  const spec = { name: 'fake', workers: { count: numWorkers }, engine, metrics } as RunSpec;
  return { spec, yaml, locate: () => 'run.yaml:1:1' };
}

/** Ports of a launch whose processes are fakes. */
export function fakePorts(
  plan: FakePlan,
  limits: Partial<SupervisionLimits> = {},
  over: Partial<LaunchPorts> = {},
): LaunchPorts {
  return {
    makeTarget: (run, token) =>
      Promise.resolve(
        localTarget({
          run,
          token,
          devices: [],
          spec: fakeConfig(0).spec,
          command: [process.execPath, fakeFtctl],
          env: { ...process.env, FAKE: JSON.stringify(plan) },
        }),
      ),
    connect: (address, token) => new LineLink(address, token),
    createToken: () => 'secret',
    checkLaunch: () => undefined,
    readConfig: () => Promise.resolve(fakeConfig(plan.numWorkers ?? 2)),
    checkResumable: () => undefined,
    clock: systemClock,
    now: () => new Date(),
    limits: { ...defaultLimits, ...limits },
    ...over,
  };
}

/** Pids that the fakes of a run left in its log folder. */
export function pidsOf(runDir: string): number[] {
  const logs = join(runDir, 'logs');
  return readdirSync(logs)
    .filter((name) => name.endsWith('.pid'))
    .map((name) => Number(readFileSync(join(logs, name), 'utf8')));
}

/** Whether a process exists and is more than a corpse that waits for its parent. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

type Message = RunEvent | { readonly type: 'stopping' };

class LineLink implements CoordinatorLink {
  readonly #socket: Socket;
  readonly #token: string;
  #onEvent: (event: RunEvent) => void = () => undefined;
  #onStopping: () => void = () => undefined;
  #isClosed = false;

  constructor(address: string, token: string) {
    const [host, port] = address.split(':');
    this.#token = token;
    this.#socket = connectSocket(Number(port), host);
    let rest = '';
    this.#socket.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      for (const part of parts) this.#take(JSON.parse(part) as Message);
    });
  }

  watch(onEvent: (event: RunEvent) => void): Promise<void> {
    this.#onEvent = onEvent;
    this.#send('watch');
    return new Promise((resolve, reject) => {
      let isEnded = false;
      this.#socket.once('end', () => {
        isEnded = true;
      });
      this.#socket.once('error', () => undefined);
      this.#socket.once('close', (hadError) => {
        if ((isEnded && !hadError && this.#isOver) || this.#isClosed) resolve();
        else reject(new FtctlError('FT_COORDINATOR_LOST', { what: 'The stream broke.' }));
      });
    });
  }

  stop(): Promise<void> {
    this.#send('stop');
    return new Promise((resolve) => {
      this.#onStopping = resolve;
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#socket.destroy();
    return Promise.resolve();
  }

  #isOver = false;

  #take(message: Message): void {
    if (message.type === 'stopping') {
      this.#onStopping();
      return;
    }
    // A dead process's socket ends as an orderly one does: gRPC's trailers tell them apart, here the last event.
    this.#isOver ||= ['run-finished', 'run-stopped', 'run-failed'].includes(message.type);
    this.#onEvent(message);
  }

  #send(type: string): void {
    this.#socket.write(`${JSON.stringify({ type, token: this.#token })}\n`);
  }
}
