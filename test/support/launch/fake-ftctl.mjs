/**
 * Stands in for `ftctl coordinator` and `ftctl worker`: the same command lines, environment and IPC, a line-JSON socket instead
 * of gRPC, and no training. `FAKE` in the environment is a JSON object that says how each process misbehaves:
 * `{ numWorkers, steps, stepMs, coordinator: FAULT, workers: { SLOT: FAULT } }`; the faults are cases below.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setInterval, setTimeout } from 'node:timers';
import { exitWithParent } from '../../../dist/util/child-channel.js';

const plan = {
  numWorkers: 2,
  steps: 5,
  stepMs: 20,
  workers: {},
  ...JSON.parse(process.env.FAKE ?? '{}'),
};
const controller = new globalThis.AbortController();
const [role, ...args] = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
const fault = role === 'coordinator' ? plan.coordinator : plan.workers[option('--slot')];
const logs = role === 'coordinator' ? join(option('--run-dir'), 'logs') : dirname(option('--log'));
writeFileSync(join(logs, `${role}-${option('--slot') ?? ''}.pid`), String(process.pid));

/** Since the first worker in this slot was told to step. */
const wasHere = join(logs, `${role}-${option('--slot') ?? ''}.was-here`);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const die = (signal) => {
  process.kill(process.pid, signal);
  for (;;); // until it arrives
};
const error = (code, message) => ({ code, message, remedy: 'Do something about it.' });

if (fault === 'exit-at-start' || (fault === 'never-again' && existsSync(wasHere))) {
  console.error("Error: Cannot find module 'onnxruntime-node'");
  process.exit(1);
}
const parent = exitWithParent(controller);
if (fault === 'stubborn') {
  setInterval(() => undefined, 1000);
  process.removeAllListeners('SIGTERM');
  process.on('SIGTERM', () => undefined);
} else if (fault !== 'stop-on-sigterm') {
  controller.signal.addEventListener('abort', () => process.exit(143));
}
if (fault === 'report-port') {
  await parent.failed(
    error('FT_PORT_IN_USE', 'Port 9464 on 127.0.0.1 (metrics) is taken by another process.'),
  );
  process.exit(5);
}
if (fault === 'hang-at-start') await sleep(1e6);
if (role === 'coordinator') await coordinate();
else await work();

/** One JSON value a line over a socket. */
function lines(socket, onValue) {
  let rest = '';
  socket.setEncoding('utf8').on('error', () => undefined);
  socket.on('data', (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    for (const part of parts) onValue(JSON.parse(part));
  });
  return (value) => socket.write(`${JSON.stringify(value)}\n`);
}

async function coordinate() {
  const runDir = option('--run-dir');
  const runId = runDir.split('/').pop();
  const events = [];
  const watchers = new Set();
  const members = new Map();
  let isOver = false;
  let stop = false;
  const emit = (event) => {
    events.push({ at: 1000 + events.length, ...event });
    for (const send of watchers) send(events.at(-1));
  };
  let hasBegun = false;
  /** It goes on without a worker that is lost; but no step is made until another one is there. */
  const isTolerant = fault?.startsWith('tolerant');
  const changed = (reason) => {
    const ranks = [...members.keys()]
      .sort()
      .map((slot, rank) => ({ rank, slot, firstShard: rank, numShards: 1 }));
    emit({ type: 'generation', generation: '1.1', members: ranks, round: 0, reason });
  };
  const end = async (code) => {
    isOver = true;
    for (const socket of sockets) socket.end();
    server.close();
    await sleep(20);
    if (fault === 'linger') await sleep(1e6);
    process.exit(code);
  };
  const sockets = new Set();
  if (fault === 'stop-on-sigterm') {
    controller.signal.addEventListener('abort', () => {
      emit({
        type: 'run-stopped',
        round: 0,
        checkpoint: null,
        result: { runId, status: 'stopped' },
      });
      void end(0);
    });
  }
  const server = createServer((socket) => {
    sockets.add(socket);
    let slot;
    const send = lines(socket, (message) => {
      if (message.token !== process.env.FTCTL_TOKEN) throw new Error('wrong token');
      if (message.type === 'watch') {
        events.forEach(send);
        watchers.add(send);
      } else if (message.type === 'stop') {
        if (fault === 'deaf') return;
        stop = true;
        send({ type: 'stopping' });
      } else {
        slot = message.slot;
        members.set(slot, send);
        emit({
          type: 'worker-joined',
          slot,
          incarnation: String(slot),
          pid: message.pid,
          host: 'localhost',
        });
        if (hasBegun && isTolerant) changed(`worker ${slot} has joined`);
      }
    });
    socket.on('close', () => {
      sockets.delete(socket);
      watchers.delete(send);
      if (slot === undefined || isOver || fault === 'mute') return;
      if (isTolerant && hasBegun) {
        if (members.get(slot) !== send) return; // it was given up before
        members.delete(slot);
        setTimeout(
          () => {
            emit({ type: 'worker-lost', slot, cause: 'its stream broke' });
            if (members.size > 0) changed(`worker ${slot} was lost`);
          },
          fault === 'tolerant-late' ? 150 : 0,
        );
        return;
      }
      isOver = true;
      emit({ type: 'worker-lost', slot, cause: 'its stream broke' });
      const lost = {
        ...error('FT_WORKER_LOST', `The connection to worker ${slot} broke.`),
        rank: slot,
        phase: 'gradients',
      };
      emit({ type: 'run-failed', error: lost, resumable: true });
      for (const tell of members.values()) tell({ type: 'abort' });
      void end(4);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  writeFileSync(
    join(runDir, 'coordinator.json'),
    JSON.stringify({ address: `127.0.0.1:${port}`, term: 1, pid: process.pid }),
  );
  parent.listening(`127.0.0.1:${port}`);
  emit({ type: 'run-started', runId, term: 1, resumedFromRound: 0 });
  emit({ type: 'preparing', what: 'data', message: 'Fetching', done: 1, total: 1, unit: 'files' });
  if (fault === 'bad-data') {
    const failed = error('FT_WORKER_NOT_ADMITTED', 'Nobody may join.');
    emit({ type: 'run-failed', error: failed, resumable: false });
    await parent.failed(failed);
    await end(4);
  }
  while (members.size < plan.numWorkers) {
    if (stop) await end(0);
    await sleep(5);
  }
  changed('start');
  hasBegun = true;
  const result = (status, steps) => ({
    runId,
    status,
    workers: members.size,
    epochs: 1,
    steps,
    samples: steps,
    train: null,
    val: null,
    best: null,
    digest: 'd',
    wallSeconds: 1,
    imagesPerSecond: 1,
    recoveries: [],
    runDir,
  });
  for (let step = 0; step < plan.steps && !isOver; step += 1) {
    emit({
      type: 'step',
      round: step + 1,
      phase: 0,
      epoch: 0,
      epochs: 2,
      step,
      steps: plan.steps,
      loss: 1,
      accuracy: 0,
      learningRate: 0.1,
      imagesPerSecond: 1,
    });
    if (step === 1) {
      writeFileSync(join(runDir, 'checkpoints', 'epoch-0001-round-000002.ckpt'), 'state');
      writeFileSync(
        join(runDir, 'checkpoints', '.epoch-0002-round-000003.ckpt.1-1.tmp'),
        'half a state',
      );
    }
    if (step === 2) for (const tell of members.values()) tell({ type: 'stepping' });
    await sleep(plan.stepMs);
    if (step === 3 && fault === 'tolerant-of-silence') {
      members.delete(1);
      emit({ type: 'worker-lost', slot: 1, cause: 'it said nothing' });
      changed('worker 1 was lost');
    }
    while (isTolerant && members.size < plan.numWorkers && !stop) await sleep(5);
    if (step === 9 && fault === 'impatient') {
      isOver = true;
      const silent = {
        ...error('FT_WORKER_SILENT', 'Worker 1 said nothing for 10 s.'),
        ...{ rank: 1, phase: 'gradients' },
      };
      emit({ type: 'run-failed', error: silent, resumable: true });
      for (const tell of members.values()) tell({ type: 'abort' });
      return end(4);
    }
    if (step === 2 && fault === 'sigkill') die('SIGKILL');
    if (step === 2 && fault === 'throw') throw new TypeError('undefined is not a tensor');
    if (step === 2 && fault === 'freeze') process.kill(process.pid, 'SIGSTOP');
    if (stop) {
      for (const tell of members.values()) tell({ type: 'release' });
      const checkpoint = join(runDir, 'checkpoints', 'epoch-0001-round-000002.ckpt');
      emit({
        type: 'run-stopped',
        round: step + 1,
        checkpoint,
        result: result('stopped', step + 1),
      });
      return end(0);
    }
  }
  if (isOver) return undefined;
  isOver = true;
  for (const tell of members.values()) tell({ type: 'release' });
  if (fault === 'mute-end') await sleep(1e6);
  emit({ type: 'run-finished', result: result('finished', plan.steps) });
  return end(0);
}

async function work() {
  const slot = Number(option('--slot'));
  const [host, port] = option('--join').split(':');
  const socket = connect(Number(port), host);
  let goOn;
  const stepping = new Promise((resolve) => (goOn = resolve));
  const send = lines(socket, (message) => {
    if (message.type === 'stepping') goOn();
    if (message.type === 'release') process.exit(0);
    if (message.type === 'abort' && fault !== 'stubborn') process.exit(4);
  });
  socket.on('close', async () => {
    if (fault === 'stubborn') return;
    await parent.failed(error('FT_COORDINATOR_LOST', 'The connection to the coordinator broke.'));
    process.exit(4);
  });
  send({ type: 'join', slot, pid: process.pid, token: process.env.FTCTL_TOKEN });
  await stepping; // and there is a checkpoint
  writeFileSync(wasHere, '');
  if (fault === 'sigkill' || fault === 'never-again') die('SIGKILL');
  if (fault === 'sigsegv') {
    console.error('onnxruntime: Segmentation fault in MlasGemm');
    die('SIGSEGV');
  }
  if (fault === 'heap') {
    console.error(
      'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    );
    die('SIGABRT');
  }
  if (fault === 'leave') process.exit(0);
  if (fault === 'freeze') process.kill(process.pid, 'SIGSTOP');
}
