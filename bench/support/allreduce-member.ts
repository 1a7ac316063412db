/**
 * One member of bench/allreduce.bench.ts, in a process of its own. Sends its address, takes the generation and the
 * rounds to run, and answers with the milliseconds of each round.
 */
import type { PeerMessage } from '../../src/collective/messages.js';
import { RoundReducer } from '../../src/collective/reducer.js';
import { maximalSubtrees } from '../../src/collective/tree.js';
import { startWorkerServer } from '../../src/collective/worker-server.js';
import { BlockMonitor } from '../../src/metrics/block-monitor.js';
import type { Generation } from '../../src/rpc/generation.js';

export interface Job {
  readonly generation: Generation;
  readonly elements: number;
  readonly warmups: number;
  readonly rounds: number;
}

export interface Measured {
  /** Wall clock of each round. */
  readonly times: number[];
  /** CPU time of this process per round, all threads. */
  readonly cpuMs: number;
  /** Longest time that the event loop did not turn. */
  readonly longestBlockMs: number;
}

const [self, token] = process.argv.slice(2) as [string, string];
const run = '0123456789abcdef';
const server = await startWorkerServer({ host: '127.0.0.1', token, states: () => undefined });

const blocks = new BlockMonitor();

/** Messages that came before their generation was begun here. */
let early: PeerMessage[] = [];
let receive = (message: PeerMessage): void => {
  early.push(message);
};
server.transport.onMessage((message) => {
  receive(message);
});

async function measure({ generation, elements, warmups, rounds }: Job): Promise<Measured> {
  await server.transport.open(generation, self, AbortSignal.timeout(30_000));
  const reducer = new RoundReducer({ run, generation, self, pool: server.transport.pool });
  const member = generation.members.find(({ incarnation }) => incarnation === self)!;
  const nodes = maximalSubtrees(member.firstShard, member.numShards, generation.numShards);
  const times: number[] = [];
  // What was sent in the last two rounds must not change; making it is no part of the all-reduce.
  const ofRounds = [1, 2, 3].map((value) =>
    nodes.map((node) => ({ node, values: new Float32Array(elements).fill(value) })),
  );
  return new Promise((resolve) => {
    let round = 0;
    let start = 0;
    let cpu = process.cpuUsage();
    const sendAll = (outgoing: ReturnType<RoundReducer['offer']>): void => {
      for (const { toRank, message } of outgoing) server.transport.send(toRank, message);
    };
    const begin = (): void => {
      if (round === warmups) {
        cpu = process.cpuUsage();
        blocks.takeLongestMs();
      }
      round++;
      const partials = ofRounds[round % ofRounds.length]!;
      start = performance.now();
      sendAll(reducer.offer(round, partials, elements));
      addTheRest();
      proceed();
    };
    // As src/worker/exchange.ts does.
    let isAdding = false;
    const addTheRest = (): void => {
      if (isAdding || !reducer.hasMore()) return;
      isAdding = true;
      setImmediate(() => {
        isAdding = false;
        sendAll(reducer.advance());
        addTheRest();
        proceed();
      });
    };
    const proceed = (): void => {
      if (round === 0 || times.length === round || reducer.result(round) === undefined) return;
      times.push(performance.now() - start);
      if (round < warmups + rounds) {
        begin();
        return;
      }
      receive = (message) => {
        early.push(message);
      };
      early = [...reducer.takeNewer(), ...early];
      const used = process.cpuUsage(cpu);
      resolve({
        times: times.slice(warmups),
        cpuMs: (used.user + used.system) / 1000 / rounds,
        longestBlockMs: blocks.takeLongestMs(),
      });
    };
    receive = (message) => {
      const receipt = reducer.receive(message);
      if (receipt.outcome === 'refused') throw new Error(receipt.reason);
      sendAll(receipt.outgoing);
      addTheRest();
      proceed();
    };
    const waiting = early;
    early = [];
    for (const message of waiting) receive(message);
    begin();
  });
}

process.on('message', (job: Job) => {
  void measure(job).then((measured) => process.send!(measured));
});
process.on('disconnect', () => {
  void server.close();
});
process.send!({ address: server.address });
