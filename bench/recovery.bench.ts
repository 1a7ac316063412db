/**
 * Milliseconds from the SIGKILL of one of several workers to the next round of the others, in a real `ftctl launch` of a head on cached
 * features; and the goodput of the same run, which is killed at in this way.
 *
 *     npm run build && npx tsx bench/recovery.bench.ts [--config configs/quickstart.yaml] [--workers 4] [--kills 100] [--every-ms 4000] [--signal SIGKILL] [--out FILE]
 *
 * A kill hits a random member at a random moment, once all workers are members again. The next round is the first that the coordinator has a
 * report of in a later generation; it tells of steps every 100 ms, so that up to 100 ms of the time may be its own.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { RunEvent } from '../src/control/events.js';
import { followEvents } from './support/follow-events.js';

const { values: flags } = parseArgs({
  options: {
    config: { type: 'string', default: 'configs/quickstart.yaml' },
    workers: { type: 'string', default: '4' },
    kills: { type: 'string', default: '100' },
    'every-ms': { type: 'string', default: '4000' },
    signal: { type: 'string', default: 'SIGKILL' },
    out: { type: 'string' },
  },
});
const numWorkers = Number(flags.workers);
const numKills = Number(flags.kills);
const signal = flags.signal as NodeJS.Signals;

interface Kill {
  readonly toNextRoundMs: number;
  /** Until all workers are members again. */
  readonly toFullMs: number;
}

/** What is known of the run from its events. */
class Watched {
  readonly pids = new Map<number, number>();
  numMembers = 0;
  /** Unix time of the newest generation, and of the newest round. */
  generationMs = 0;
  roundMs = 0;
  round = 0;
  ended: RunEvent | undefined;
  #waiting: { readonly is: () => boolean; readonly done: () => void }[] = [];

  take(event: RunEvent): void {
    if (event.type === 'worker-joined') this.pids.set(event.slot, event.pid);
    if (event.type === 'generation') {
      this.numMembers = event.members.length;
      this.generationMs = event.at;
    }
    if (event.type === 'step' || event.type === 'epoch')
      this.roundMs = Math.max(this.roundMs, event.at);
    if (event.type === 'step') this.round = event.round;
    if (event.type === 'run-finished' || event.type === 'run-failed') this.ended = event;
    for (const each of this.#waiting.filter(({ is }) => is())) {
      this.#waiting = this.#waiting.filter((other) => other !== each);
      each.done();
    }
  }

  until(is: () => boolean): Promise<void> {
    return new Promise((done) => {
      if (is()) done();
      else this.#waiting.push({ is, done });
    });
  }
}

const work = mkdtempSync(join(tmpdir(), 'ftctl-bench-'));
const runs = join(work, 'runs');
mkdirSync(runs);
const bin = fileURLToPath(new URL('../bin/run.js', import.meta.url));
const child = spawn(
  process.execPath,
  [
    ...[bin, 'launch', '-c', flags.config, '-w', String(numWorkers), '--runs-dir', runs, '--json'],
    ...['--set', 'phases.0.epochs=100000'],
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
const exited = new Promise((resolve) => child.once('exit', resolve));
const watched = new Watched();
const stopFollowing = followEvents(runs, (event) => {
  watched.take(event);
});

const kills: Kill[] = [];
try {
  await watched.until(() => watched.numMembers === numWorkers && watched.round > 200);
  for (let i = 0; i < numKills && watched.ended === undefined; i++) {
    await watched.until(() => watched.numMembers === numWorkers);
    await sleep(Number(flags['every-ms']) * (0.5 + Math.random()));
    const slot = Math.floor(Math.random() * numWorkers);
    const killed = watched.pids.get(slot)!;
    const begin = Date.now();
    process.kill(killed, signal);
    await watched.until(() => watched.numMembers < numWorkers);
    const regroupedMs = watched.generationMs;
    await watched.until(() => watched.roundMs > regroupedMs);
    const toNextRoundMs = watched.roundMs - begin;
    await watched.until(() => watched.numMembers === numWorkers);
    kills.push({ toNextRoundMs, toFullMs: watched.generationMs - begin });
  }
} finally {
  child.kill('SIGINT');
  await exited;
  stopFollowing();
  rmSync(work, { recursive: true, force: true });
}

const summary = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!);
  return { min: at(0), median: at(0.5), p99: at(0.99), max: at(1) };
};
const report = {
  bench: 'recovery',
  date: new Date().toISOString().slice(0, 10),
  ...{ node: process.version, cores: cpus().length, cpu: cpus()[0]?.model },
  ...{ config: flags.config, workers: numWorkers, signal, kills: kills.length },
  millisecondsToNextRound: summary(kills.map((kill) => kill.toNextRoundMs)),
  millisecondsToAllWorkers: summary(kills.map((kill) => kill.toFullMs)),
};
console.log(JSON.stringify(report, null, 2));
if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(report, null, 2)}\n`);
