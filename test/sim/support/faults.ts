import type { Random } from './random.js';

/** What goes wrong in a history. Workers are named by slot. */
export type Fault =
  /** SIGKILL at a time, or before or after a delivery. `coordinator` or a slot. */
  | { readonly type: 'kill'; readonly who: number | 'coordinator'; readonly at: Moment }
  /** SIGSTOP, and SIGCONT after `forMs` (never, if null). */
  | {
      readonly type: 'stop-process';
      readonly who: number | 'coordinator';
      readonly at: Moment;
      readonly forMs: number | null;
    }
  /** The link between two workers breaks for good. */
  | {
      readonly type: 'break-link';
      readonly between: readonly [number, number];
      readonly at: Moment;
    }
  /** The stream from one worker to another breaks and is opened again at once. */
  | { readonly type: 'reconnect'; readonly between: readonly [number, number]; readonly at: Moment }
  /** A user asks for the end. */
  | { readonly type: 'stop-request'; readonly mode: 'graceful' | 'now'; readonly at: Moment }
  /** One worker takes `factor` times as long. */
  | { readonly type: 'slow'; readonly who: number; readonly factor: number }
  /** A worker's compute throws in this round. */
  | { readonly type: 'throw'; readonly who: number; readonly round: number }
  /** A worker's memory flips a bit of the sum of this round. */
  | { readonly type: 'flip'; readonly who: number; readonly round: number }
  /** A message of another run or of an old generation comes in. */
  | {
      readonly type: 'stranger';
      readonly to: number;
      readonly at: Moment;
      readonly of: 'run' | 'generation';
    }
  /** A state cannot be fetched from this worker, ever. */
  | { readonly type: 'no-fetch'; readonly who: number }
  /** A worker has another fingerprint. */
  | { readonly type: 'other-fingerprint'; readonly who: number }
  /** The disk is full when the coordinator writes a state. */
  | { readonly type: 'disk-full' };

export type Moment =
  { readonly ms: number } | { readonly delivery: number; readonly when: 'before' | 'after' };

/** Up to four random faults, and sometimes none. */
export function randomFaults(random: Random, numWorkers: number): Fault[] {
  const number = random.pick([0, 1, 1, 2, 2, 3, 4]);
  return Array.from({ length: number }, () => randomFault(random, numWorkers));
}

function randomFault(random: Random, numWorkers: number): Fault {
  const who = random.integer(0, numWorkers - 1);
  const other = (who + random.integer(1, Math.max(1, numWorkers - 1))) % numWorkers;
  const at = { ms: random.between(0, 160) };
  const round = random.integer(1, 9);
  const faults: (() => Fault)[] = [
    () => ({ type: 'kill', who, at }),
    () => ({ type: 'kill', who, at }),
    () => ({ type: 'kill', who: 'coordinator', at }),
    () => ({ type: 'stop-process', who, at, forMs: random.pick([50, 200, null]) }),
    () => ({ type: 'stop-process', who: 'coordinator', at, forMs: random.pick([100, 900, 3000]) }),
    () => ({ type: 'stop-request', mode: random.pick(['graceful', 'graceful', 'now']), at }),
    () => ({ type: 'slow', who, factor: random.pick([5, 30]) }),
    () => ({ type: 'throw', who, round }),
    () => ({ type: 'flip', who, round }),
    () => ({ type: 'stranger', to: who, at, of: random.pick(['run', 'generation']) }),
    () => ({ type: 'no-fetch', who }),
    ...(other === who
      ? []
      : [
          (): Fault => ({ type: 'break-link', between: [who, other], at }),
          (): Fault => ({ type: 'reconnect', between: [who, other], at }),
        ]),
  ];
  return random.pick(faults)();
}
