import { FtctlError } from '../errors/index.js';
import { compareGenerations, type Generation } from '../rpc/generation.js';
import type { PeerMessage } from './messages.js';
import { SendWindow } from './send-window.js';
import type { PeerTransport } from './transport.js';
import { VectorPool } from './vector-pool.js';
import { encodeFrames, FrameReader } from './wire.js';

/** One direction of a pair: the same window and the same bytes as over gRPC, without a socket. */
interface Direction {
  readonly window: SendWindow;
  reader: FrameReader;
}

/** Transports in one process that reach one another: for tests of what is built on the port. */
export class MemoryNetwork {
  readonly #transports = new Map<string, MemoryTransport>();

  /** A transport for the member of this incarnation. */
  join(incarnation: string): PeerTransport {
    const transport = new MemoryTransport(this, incarnation);
    this.#transports.set(incarnation, transport);
    return transport;
  }

  /** Breaks the stream between two members; it heals at once, and the sender repeats its last two rounds. */
  breakStream(from: string, to: string): void {
    this.#transports.get(from)?.restart(to);
  }

  /** Internal: the transport of an incarnation, unless it left. */
  find(incarnation: string): MemoryTransport | undefined {
    return this.#transports.get(incarnation);
  }

  /** Internal: a member left, or looked for others. */
  changed(gone?: string): void {
    if (gone !== undefined) this.#transports.delete(gone);
    for (const transport of this.#transports.values()) transport.look(gone);
  }
}

class MemoryTransport implements PeerTransport {
  readonly pool = new VectorPool();
  readonly #network: MemoryNetwork;
  readonly #incarnation: string;
  readonly #directions = new Map<string, Direction>();
  readonly #pending = new Map<
    Generation,
    { readonly resolve: () => void; readonly reject: (error: Error) => void }
  >();
  #generations: Generation[] = [];
  #isFlushDue = false;
  #isClosed = false;
  #bytesSent = 0;
  #bytesReceived = 0;
  #handleMessage: (message: PeerMessage) => void = () => undefined;
  #handleLost: (incarnation: string, cause: string) => void = () => undefined;

  constructor(network: MemoryNetwork, incarnation: string) {
    this.#network = network;
    this.#incarnation = incarnation;
  }

  open(generation: Generation, self: string, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || self !== this.#incarnation)
      return Promise.reject(unreachable(generation));
    this.#generations.push(generation);
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        this.#pending.delete(generation);
        finish();
      };
      const fail = (error: Error): void => {
        this.#generations = this.#generations.filter((known) => known !== generation);
        settle(() => {
          reject(error);
        });
      };
      const onAbort = (): void => {
        fail(unreachable(generation));
      };
      this.#pending.set(generation, {
        resolve: () => {
          settle(resolve);
        },
        reject: fail,
      });
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      this.#network.changed();
    });
  }

  send(toRank: number, message: PeerMessage): void {
    const generation = this.#generations.find(
      (known) => compareGenerations(known.id, message.generation) === 0,
    );
    const to = generation?.members[toRank]?.incarnation;
    if (this.#isClosed || to === undefined) return;
    this.#generations = this.#generations.filter(
      (known) => compareGenerations(known.id, message.generation) >= 0,
    );
    this.#direction(to).window.push(message);
    this.#scheduleFlush();
  }

  onMessage(handler: (message: PeerMessage) => void): void {
    this.#handleMessage = handler;
  }

  onLost(handler: (incarnation: string, cause: string) => void): void {
    this.#handleLost = handler;
  }

  bytesSent(): number {
    return this.#bytesSent;
  }

  bytesReceived(): number {
    return this.#bytesReceived;
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    for (const [generation, { reject }] of [...this.#pending]) reject(unreachable(generation));
    this.#network.changed(this.#incarnation);
    return Promise.resolve();
  }

  /** Internal: whether streams to and from an incarnation may be open. */
  knows(incarnation: string): boolean {
    return this.#generations.some((generation) =>
      generation.members.some((member) => member.incarnation === incarnation),
    );
  }

  /** Internal: another member came or went. */
  look(gone: string | undefined): void {
    for (const [generation, { resolve }] of [...this.#pending]) {
      const isOpen = generation.members.every(
        ({ incarnation }) =>
          incarnation === this.#incarnation ||
          this.#network.find(incarnation)?.knows(this.#incarnation) === true,
      );
      if (isOpen) resolve();
    }
    if (gone === undefined || !this.knows(gone)) return;
    for (const [generation, { reject }] of [...this.#pending]) {
      if (generation.members.some((member) => member.incarnation === gone)) {
        reject(unreachable(generation));
      }
    }
    this.#handleLost(gone, 'it left');
  }

  /** Internal: the stream to a member broke and was opened again. */
  restart(to: string): void {
    const direction = this.#direction(to);
    direction.window.restart();
    direction.reader = new FrameReader();
    this.#scheduleFlush();
  }

  #direction(to: string): Direction {
    let direction = this.#directions.get(to);
    if (direction === undefined) {
      direction = { window: new SendWindow(), reader: new FrameReader() };
      this.#directions.set(to, direction);
    }
    return direction;
  }

  #scheduleFlush(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      for (const [to, direction] of this.#directions) this.#flush(to, direction);
    });
  }

  #flush(to: string, { window, reader }: Direction): void {
    for (let frames = window.take(); frames.length > 0; frames = window.take()) {
      const bytes = encodeFrames(frames);
      this.#bytesSent += bytes.length;
      const messages = reader.read(bytes);
      for (const message of messages) this.#network.find(to)?.deliver(message);
    }
  }

  /** Internal: a message arrived. */
  deliver(message: PeerMessage): void {
    if (this.#isClosed) return;
    this.#bytesReceived += message.values.byteLength;
    this.#handleMessage(message);
  }
}

function unreachable(generation: Generation): FtctlError {
  return new FtctlError('FT_PEER_UNREACHABLE', {
    what: `Generation ${generation.id.term}.${generation.id.number} could not be opened.`,
  });
}
