/**
 * Milliseconds of one all-reduce among processes on loopback, by vector length and number of hops: the time from
 * `offer` to the sum, of rank 0, with the tree's additions and without the gradients. Rounds follow one another, so
 * that a round waits for the slowest member.
 *
 *     npx tsx bench/allreduce.bench.ts [--preset smoke|full] [--workers 4] [--bytes N] [--node-option=OPTION] [--json]
 *
 * Each figure is a median with the tenth and ninetieth percentile; `cpu` is rank 0's CPU time per round, `block` the
 * longest time that its event loop did not turn (waits for a core taken off).
 */
import { type ChildProcess, fork } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Generation } from '../src/rpc/generation.js';
import { createToken } from '../src/rpc/token.js';
import type { Job, Measured } from './support/allreduce-member.js';

const { values: flags } = parseArgs({
  options: {
    preset: { type: 'string', default: 'full' },
    workers: { type: 'string', default: '4' },
    /** Given to each member's node, as `--node-option=--single-threaded-gc`. */
    'node-option': { type: 'string', multiple: true, default: [] },
    /** Lengths in bytes, in the place of the preset's. */
    bytes: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
});
const numWorkers = Number(flags.workers);
/** Shards per worker: complete subtrees, so that each worker sends one partial. */
const shardsPerWorker = 4;
const isFull = flags.preset === 'full';
const settings = isFull
  ? {
      // The last one is the gradient of a whole resnet18: 11.7 million parameters.
      sizesBytes: [1_024, 16_384, 117_760, 524_288, 1_048_576, 4_194_304, 46_758_432],
      warmups: 100,
      rounds: 400,
    }
  : { sizesBytes: [1_024, 16_384, 117_760, 1_048_576], warmups: 20, rounds: 60 };

interface Row {
  readonly bytes: number;
  readonly hops: 1 | 2;
  readonly medianMs: number;
  readonly p10Ms: number;
  readonly p90Ms: number;
  /** CPU time of rank 0 per round. */
  readonly cpuMs: number;
  readonly longestBlockMs: number;
}

function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      reject(new Error(`A member exited with ${code ?? 'a signal'}.`));
    };
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as T);
    });
  });
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

const token = createToken();
const member = fileURLToPath(new URL('./support/allreduce-member.ts', import.meta.url));
const children = Array.from({ length: numWorkers }, (_, rank) =>
  fork(member, [`member-${rank}`, token], {
    execArgv: ['--import', 'tsx', ...flags['node-option']],
  }),
);
const rows: Row[] = [];
try {
  const addresses = await Promise.all(
    children.map(async (child) => (await nextMessage<{ address: string }>(child)).address),
  );
  let number = 0;
  for (const bytes of flags.bytes.length > 0 ? flags.bytes.map(Number) : settings.sizesBytes) {
    for (const hops of [1, 2] as const) {
      number++;
      const generation: Generation = {
        id: { term: 1, number },
        members: addresses.map((address, rank) => ({
          incarnation: `member-${rank}`,
          rank,
          address,
          firstShard: rank * shardsPerWorker,
          numShards: shardsPerWorker,
        })),
        numShards: numWorkers * shardsPerWorker,
        twoHopFromElements: hops === 1 ? Number.MAX_SAFE_INTEGER : 1,
      };
      // Long vectors need fewer rounds for the same certainty.
      const fewer = bytes > 10_000_000 ? 20 : bytes > 500_000 ? 4 : 1;
      const rounds = Math.ceil(settings.rounds / fewer);
      const warmups = Math.ceil(settings.warmups / fewer);
      const job: Job = { generation, elements: bytes / 4, warmups, rounds };
      const results = children.map((child) => nextMessage<Measured>(child));
      for (const child of children) child.send(job);
      const [first] = await Promise.all(results);
      const times = first!.times.sort((a, b) => a - b);
      rows.push({
        bytes,
        hops,
        medianMs: quantile(times, 0.5),
        p10Ms: quantile(times, 0.1),
        p90Ms: quantile(times, 0.9),
        cpuMs: first!.cpuMs,
        longestBlockMs: first!.longestBlockMs,
      });
    }
  }
} finally {
  for (const child of children) child.disconnect();
}

const configuration = {
  workers: numWorkers,
  preset: flags.preset,
  nodeOptions: flags['node-option'],
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
};
if (flags.json) {
  console.log(JSON.stringify({ configuration, rows }));
} else {
  console.log(JSON.stringify(configuration));
  console.log('     bytes  hops   median ms      p10      p90      cpu    block');
  for (const { bytes, hops, medianMs, p10Ms, p90Ms, cpuMs, longestBlockMs } of rows) {
    const cells = [medianMs, p10Ms, p90Ms, cpuMs, longestBlockMs].map((ms) =>
      ms.toFixed(3).padStart(8),
    );
    console.log(`${String(bytes).padStart(10)}  ${hops}     ${cells.join(' ')}`);
  }
}
