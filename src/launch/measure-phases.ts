import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TWO_HOP_ELEMENTS } from '../collective/schedule.js';
import { assignShards } from '../coordinator/assignment.js';
import { FtctlError } from '../errors/index.js';
import type { Generation } from '../rpc/generation.js';
import { createToken } from '../rpc/token.js';
import { encodeBundle, type RunBundle } from '../state/run-bundle.js';
import { threadEntry } from '../util/thread-entry.js';
import type { ProbeAnswer, ProbeMeasures, ProbeRequest } from '../worker/probe-messages.js';
import { exitCause } from './exit-cause.js';
import { deviceEnv } from './local-target.js';
import { nodeFlags } from './node-flags.js';

export interface MeasureOptions {
  /** GPUs for the workers, as for a launch. */
  readonly devices: readonly string[];
  /** A phase is about to be measured. */
  readonly onPhase: (phase: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Measures each phase of a prepared run in new processes, one for each worker of the run. Their features go to a folder of their own, which
 * is removed. By phase, of each worker. Rejects with what a worker would end with, FT_WORKER_LOST, or the signal's reason; no process
 * is left.
 */
export async function measurePhases(
  bundle: RunBundle,
  { devices, onPhase, signal }: MeasureOptions,
): Promise<ProbeMeasures[][]> {
  const measures: ProbeMeasures[][] = [];
  for (const phase of bundle.spec.phases.keys()) {
    signal.throwIfAborted();
    onPhase(phase);
    const featuresDir = await mkdtemp(join(tmpdir(), 'ftctl-dry-run-'));
    const probes = Array.from(
      { length: bundle.spec.workers.count },
      (_, slot) => new ProbeProcess(slot, deviceEnv(devices, slot)),
    );
    const onAbort = (): void => {
      for (const probe of probes) probe.kill();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      measures.push(await measurePhase(probes, { bundle, phase, featuresDir }));
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      await Promise.all(probes.map((probe) => probe.end()));
      await rm(featuresDir, { recursive: true, force: true });
    }
  }
  return measures;
}

/** What is measured is begun by all at once, so that they are in each other's way as in a run. */
async function measurePhase(
  probes: readonly ProbeProcess[],
  { bundle, phase, featuresDir }: { bundle: RunBundle; phase: number; featuresDir: string },
): Promise<ProbeMeasures[]> {
  const token = createToken();
  const text = encodeBundle(bundle);
  const { shards } = bundle.spec.batch;
  const all = <T extends ProbeAnswer['type']>(
    type: T,
    requestOf: (probe: ProbeProcess) => ProbeRequest,
  ): Promise<Extract<ProbeAnswer, { type: T }>[]> =>
    Promise.all(probes.map((probe) => probe.ask(type, requestOf(probe))));
  const serving = await all('serving', ({ self }) => ({
    ...{ ask: 'serve', bundle: text, phase, self, token, featuresDir },
  }));
  const assigned = assignShards(shards, probes.length);
  const generation: Generation = {
    id: { term: 1, number: 1 },
    members: probes.map(({ self: incarnation }, rank) => ({
      ...{ incarnation, rank, address: serving[rank]!.address },
      ...assigned[rank]!,
    })),
    numShards: shards,
    twoHopFromElements: TWO_HOP_ELEMENTS,
  };
  await all('open', () => ({ ask: 'open', generation }));
  await all('features', () => ({ ask: 'features' }));
  const answers = await all('measures', () => ({ ask: 'rounds' }));
  return answers.map(({ measures }) => measures);
}

const entry = fileURLToPath(threadEntry(import.meta.url, '../worker/probe-process.js'));
const endLimitMs = 3000;

class ProbeProcess {
  /** The process's incarnation. */
  readonly self: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;
  readonly #exit: Promise<void>;

  constructor(slot: number, env: NodeJS.ProcessEnv) {
    this.self = `probe-${slot}`;
    const child = fork(entry, {
      execArgv: [...nodeFlags],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said = '';
    child.stderr?.on('data', (data: Buffer) => (said = `${said}${data.toString()}`.slice(-4000)));
    this.#ended = new Promise((_, reject) => {
      const fail = (exit: Parameters<typeof exitCause>[0]): void => {
        const cause = exitCause(exit, said.split('\n'));
        reject(
          new FtctlError('FT_WORKER_LOST', {
            what: `Worker ${slot} of the dry run ${cause}.`,
            remedy:
              'A run would end likewise. Where memory ran out, use fewer workers or smaller images.',
          }),
        );
      };
      child.once('error', (startError) => {
        fail({ code: null, signal: null, startError });
      });
      child.once('exit', (code, signal) => {
        fail({ code, signal });
      });
    });
    this.#ended.catch(() => undefined);
    this.#exit = this.#ended.catch(() => undefined);
    this.#child = child;
  }

  async ask<T extends ProbeAnswer['type']>(
    type: T,
    request: ProbeRequest,
  ): Promise<Extract<ProbeAnswer, { type: T }>> {
    const answer = new Promise<ProbeAnswer>((resolve) => {
      this.#child.once('message', (message) => {
        resolve(message as ProbeAnswer);
      });
    });
    this.#child.send(request, () => undefined);
    const given = await Promise.race([answer, this.#ended]);
    if (given.type === 'failed') throw FtctlError.fromJSON(given.error);
    if (given.type !== type) throw new TypeError(`A probe answers ${given.type}, not ${type}.`);
    return given as Extract<ProbeAnswer, { type: T }>;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lets the process close what it has open, and waits for its end. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const limit = setTimeout(() => {
      this.kill();
    }, endLimitMs);
    await this.#exit;
    clearTimeout(limit);
  }
}
