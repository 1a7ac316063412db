import type { PeerMessage } from '../../../src/collective/messages.js';
import { maximalSubtrees } from '../../../src/collective/tree.js';
import type { PeerTransport } from '../../../src/collective/transport.js';
import { VectorPool } from '../../../src/collective/vector-pool.js';
import { FtctlError } from '../../../src/errors/index.js';
import type { ControlLink, ControlPlane } from '../../../src/rpc/control-link.js';
import type { CoordinatorMessage, WorkerMessage } from '../../../src/rpc/control-messages.js';
import { formatGeneration, type Generation, type Member } from '../../../src/rpc/generation.js';
import type { Process, World } from './world.js';

interface Pending {
  readonly cancel: () => void;
}

/** One direction between two processes: messages arrive in order, each after a random delay. */
class Stream {
  readonly #world: World;
  readonly #to: Process;
  readonly #pending = new Set<Pending>();
  #lastMs = 0;
  isCut = false;

  constructor(world: World, to: Process) {
    this.#world = world;
    this.#to = to;
  }

  send(label: string, deliver: () => void): void {
    if (this.isCut) return;
    this.#arrive(label, deliver, true);
  }

  /** The sender is gone, or ended the stream: what was sent before arrives, or only a beginning of it. */
  end(onEnd: () => void, options: { isTorn: boolean }): void {
    if (this.isCut) return;
    this.isCut = true;
    const pending = [...this.#pending];
    const numKept = options.isTorn ? this.#world.random.integer(0, pending.length) : pending.length;
    for (const one of pending.slice(numKept)) one.cancel();
    this.#arrive('end', onEnd, false);
  }

  /** Nothing arrives any more, and nobody is told. */
  drop(): void {
    this.isCut = true;
    for (const one of this.#pending) one.cancel();
  }

  /** What is on its way is lost; what is sent from now on arrives. */
  forgetPending(): void {
    for (const one of this.#pending) one.cancel();
    this.#pending.clear();
  }

  #arrive(label: string, deliver: () => void, isDelivery: boolean): void {
    const { random } = this.#world;
    // Mostly quick, sometimes late: so that streams overtake one another.
    const delayMs = random.chance(0.1) ? random.between(5, 20) : random.between(0.1, 2);
    const atMs = Math.max(this.#lastMs, this.#world.nowMs + delayMs);
    this.#lastMs = atMs;
    const pending: Pending = {
      cancel: this.#world.schedule(
        this.#to,
        atMs - this.#world.nowMs,
        () => {
          this.#pending.delete(pending);
          this.#world.note(label);
          deliver();
        },
        isDelivery,
      ),
    };
    this.#pending.add(pending);
  }
}

interface WorkerEnd {
  readonly process: Process;
  readonly up: Stream;
  readonly down: Stream;
  onMessage: (message: CoordinatorMessage) => void;
  onLost: (cause: string) => void;
}

/** All control streams, and the coordinator's end of them. */
export class ControlNetwork implements ControlPlane {
  readonly #world: World;
  readonly #coordinator: Process;
  readonly #workers = new Map<string, WorkerEnd>();
  #onMessage: (incarnation: string, message: WorkerMessage) => void = () => undefined;
  #onLost: (incarnation: string, cause: string) => void = () => undefined;
  /** Sees every message when it is sent. */
  onSent: (worker: string, message: WorkerMessage | CoordinatorMessage) => void = () => undefined;

  constructor(world: World, coordinator: Process) {
    this.#world = world;
    this.#coordinator = coordinator;
  }

  link(incarnation: string, process: Process): ControlLink {
    const end: WorkerEnd = {
      process,
      up: new Stream(this.#world, this.#coordinator),
      down: new Stream(this.#world, process),
      onMessage: () => undefined,
      onLost: () => undefined,
    };
    this.#workers.set(incarnation, end);
    if (!this.#coordinator.isAlive) this.#refuse(end);
    return {
      send: (message) => {
        if (!process.isAlive) return;
        this.onSent(incarnation, message);
        end.up.send(`${incarnation} -> coordinator ${describe(message)}`, () => {
          this.#onMessage(incarnation, message);
        });
      },
      onMessage: (handler) => {
        end.onMessage = handler;
      },
      onLost: (handler) => {
        end.onLost = handler;
      },
      close: () => {
        this.#endUp(incarnation, end, 'it closed its control stream', false);
      },
    };
  }

  send(incarnation: string, message: CoordinatorMessage): void {
    const end = this.#workers.get(incarnation);
    if (end === undefined || !this.#coordinator.isAlive) return;
    this.onSent(incarnation, message);
    end.down.send(`coordinator -> ${incarnation} ${describe(message)}`, () => {
      end.onMessage(message);
    });
  }

  onMessage(handler: (incarnation: string, message: WorkerMessage) => void): void {
    this.#onMessage = handler;
  }

  onLost(handler: (incarnation: string, cause: string) => void): void {
    this.#onLost = handler;
  }

  close(incarnation: string): void {
    const end = this.#workers.get(incarnation);
    if (end === undefined) return;
    end.up.drop();
    end.down.end(
      () => {
        end.onLost('The coordinator ended the control stream.');
      },
      { isTorn: false },
    );
  }

  workerGone(incarnation: string, isTorn: boolean): void {
    const end = this.#workers.get(incarnation);
    if (end !== undefined) this.#endUp(incarnation, end, 'its connection broke', isTorn);
  }

  coordinatorGone(isTorn: boolean): void {
    for (const end of this.#workers.values()) {
      end.down.end(
        () => {
          end.onLost('its connection broke');
        },
        { isTorn },
      );
    }
  }

  #endUp(incarnation: string, { up }: WorkerEnd, cause: string, isTorn: boolean): void {
    up.end(
      () => {
        this.#onLost(incarnation, cause);
      },
      { isTorn },
    );
  }

  #refuse(end: WorkerEnd): void {
    end.down.end(
      () => {
        end.onLost('connection refused');
      },
      { isTorn: false },
    );
  }
}

interface PeerEnd {
  readonly process: Process;
  generation: Generation | undefined;
  /** The newest one. */
  opening: object | undefined;
  onMessage: (message: PeerMessage) => void;
  onLost: (incarnation: string, cause: string) => void;
  readonly lost: Set<string>;
  numSent: number;
}

/** The streams between workers. */
export class PeerNetwork {
  readonly #world: World;
  readonly #ends = new Map<string, PeerEnd>();
  readonly #streams = new Map<string, Stream>();
  /** Links that are broken for good, as `a b` and `b a`. */
  readonly #broken = new Set<string>();
  /** Messages of the last rounds, by pair. */
  readonly #sent = new Map<string, PeerMessage[]>();
  onSent: (from: string, message: PeerMessage) => void = () => undefined;

  constructor(world: World) {
    this.#world = world;
  }

  transport(incarnation: string, process: Process): PeerTransport {
    const end: PeerEnd = {
      process,
      generation: undefined,
      opening: undefined,
      onMessage: () => undefined,
      onLost: () => undefined,
      lost: new Set(),
      numSent: 0,
    };
    this.#ends.set(incarnation, end);
    return {
      pool: new PoisonedPool(),
      open: (generation, _self, signal) => this.#open(incarnation, end, generation, signal),
      send: (toRank, message) => {
        this.#send(incarnation, end, toRank, message);
      },
      onMessage: (handler) => {
        end.onMessage = handler;
      },
      onLost: (handler) => {
        end.onLost = handler;
      },
      bytesSent: () => end.numSent,
      bytesReceived: () => 0,
      close: () => Promise.resolve(),
    };
  }

  /** A stranger's messages arrive at a worker: all that the member would send it in a round. */
  injectPartials(
    to: string,
    member: Member,
    numShards: number,
    common: Omit<PeerMessage, 'kind' | 'node' | 'count'>,
  ): void {
    const end = this.#ends.get(to)!;
    const nodes = maximalSubtrees(member.firstShard, member.numShards, numShards);
    for (const node of nodes) {
      const message = { ...common, kind: 'partial', node, count: nodes.length } as const;
      this.#world.schedule(end.process, 0, () => {
        this.#world.note(`stranger -> ${to} ${describePeer(message)}`);
        end.onMessage(message);
      });
    }
  }

  /** The stream from one worker to another breaks and is opened again: the last two rounds are repeated. */
  reconnect(from: string, to: string): void {
    const stream = this.#stream(from, to);
    if (stream.isCut) return;
    stream.forgetPending();
    const sent = this.#sent.get(`${from} ${to}`) ?? [];
    const newest = sent.at(-1)?.round ?? 0;
    for (const message of sent.filter(({ round }) => round >= newest - 1)) {
      const copy = copyOf(message);
      stream.send(`${from} -> ${to} again ${describePeer(message)}`, () => {
        this.#ends.get(to)!.onMessage(copy);
      });
    }
  }

  /** Both directions between two workers break for good; each of them notices after a while. */
  breakLink(a: string, b: string): void {
    this.#broken.add(`${a} ${b}`).add(`${b} ${a}`);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#stream(from, to).drop();
      this.#lose(to, from, 'the stream broke and could not be opened again');
    }
  }

  workerGone(incarnation: string, isTorn: boolean): void {
    for (const other of this.#ends.keys()) {
      if (other === incarnation) continue;
      this.#stream(incarnation, other).end(() => undefined, { isTorn });
      this.#lose(other, incarnation, 'connection refused');
    }
  }

  /** `at` notices, after a while that has nothing to do with what others notice, that `peer` is gone. */
  #lose(at: string, peer: string, cause: string): void {
    const end = this.#ends.get(at)!;
    this.#world.schedule(end.process, this.#world.random.between(0.1, 30), () => {
      if (end.lost.has(peer)) return;
      end.lost.add(peer);
      this.#world.note(`${at} loses ${peer}`);
      if (end.generation?.members.some((m) => m.incarnation === peer) === true) {
        end.onLost(peer, cause);
      }
    });
  }

  /** Open when every member has opened the same generation, a while later. */
  #open(
    incarnation: string,
    end: PeerEnd,
    generation: Generation,
    signal: AbortSignal,
  ): Promise<void> {
    end.generation = generation;
    return new Promise((resolve, reject) => {
      const opening = {};
      signal.addEventListener('abort', () => {
        if (end.opening === opening) end.opening = undefined;
        reject(signal.reason as Error);
      });
      const check = (): void => {
        if (end.opening !== opening) return;
        const others = generation.members.filter((m) => m.incarnation !== incarnation);
        const lost = others.find((m) => end.lost.has(m.incarnation));
        if (lost !== undefined) {
          end.opening = undefined;
          end.onLost(lost.incarnation, 'connection refused');
          reject(
            new FtctlError('FT_PEER_UNREACHABLE', {
              what: `${lost.incarnation} cannot be reached.`,
            }),
          );
          return;
        }
        const isOpen = others.every(
          (m) =>
            this.#ends.get(m.incarnation)?.generation?.id.number === generation.id.number &&
            !this.#broken.has(`${incarnation} ${m.incarnation}`),
        );
        if (!isOpen) {
          this.#world.schedule(end.process, 10, check);
          return;
        }
        end.opening = undefined;
        resolve();
      };
      end.opening = opening;
      this.#world.schedule(end.process, this.#world.random.between(0.1, 5), check);
    });
  }

  #send(from: string, end: PeerEnd, toRank: number, message: PeerMessage): void {
    const to = end.generation?.members[toRank]?.incarnation;
    if (to === undefined || !end.process.isAlive) return;
    this.onSent(from, message);
    end.numSent += 1;
    // The receiver gets other arrays; what would be sent again is what the sender's arrays hold then.
    const copy = copyOf(message);
    const sent = this.#sent.get(`${from} ${to}`) ?? [];
    this.#sent.set(`${from} ${to}`, [
      ...sent.filter(({ round }) => round >= message.round - 1),
      message,
    ]);
    this.#stream(from, to).send(`${from} -> ${to} ${describePeer(message)}`, () => {
      this.#ends.get(to)!.onMessage(copy);
    });
  }

  #stream(from: string, to: string): Stream {
    const key = `${from} ${to}`;
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = new Stream(this.#world, this.#ends.get(to)!.process);
      this.#streams.set(key, stream);
    }
    return stream;
  }
}

/** An array that is given up too early ruins a sum. */
class PoisonedPool extends VectorPool {
  override give(values: Float32Array): void {
    values.fill(NaN);
  }
}

function copyOf(message: PeerMessage): PeerMessage {
  return { ...message, values: message.values.slice() };
}

function describe(message: WorkerMessage | CoordinatorMessage): string {
  switch (message.type) {
    case 'round':
      return `round ${message.report.round} ${message.report.ledger}`;
    case 'stage':
      return `stage ${message.stage} ${message.round}`;
    case 'prepared':
      return `prepared ${formatGeneration(message.generation)} at ${message.state.round}`;
    case 'snapshot':
    case 'acknowledge':
      return `${message.type} ${message.kind} ${message.state.round}`;
    case 'prepare':
    case 'commit':
      return `${message.type} ${formatGeneration(message.generation.id)}`;
    case 'abort':
    case 'failed':
      return `${message.type} ${message.error.code}`;
    case 'peer-lost':
      return `peer-lost ${message.peer}`;
    default:
      return message.type;
  }
}

function describePeer(message: PeerMessage): string {
  return `${message.kind} ${message.node} of round ${message.round}`;
}
