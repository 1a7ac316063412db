import { FtctlError } from '../errors/index.js';
import { compareGenerations, formatGeneration } from '../rpc/generation.js';
import type { Generation, GenerationId, Member } from '../rpc/generation.js';
import { toStatus } from '../rpc/status.js';
import { type Clock, systemClock } from '../util/clock.js';
import { admit } from './admission.js';
import type { PeerMessage } from './messages.js';
import { PeerInbound } from './peer-inbound.js';
import { PeerOutbound } from './peer-outbound.js';
import type { ReceiveCall } from './receive-method.js';
import type { PeerTransport } from './transport.js';
import { VectorPool } from './vector-pool.js';

/** Receivers that wait for a generation: more than members of a run can be. */
const MAX_WAITING_CALLS = 256;

interface Peer {
  readonly member: Member;
  readonly inbound: PeerInbound;
  readonly outbound: PeerOutbound;
}

interface PendingOpen {
  readonly peers: ReadonlySet<string>;
  resolve(): void;
  reject(error: FtctlError): void;
}

/**
 * Streams over gRPC. Each belongs to a pair of incarnations and outlives generations that both are members of. This
 * worker dials what it receives; what it sends goes over the calls that `accept` is given.
 */
export class GrpcTransport implements PeerTransport {
  readonly pool = new VectorPool();
  readonly #token: string;
  readonly #clock: Clock;
  readonly #peers = new Map<string, Peer>();
  readonly #waiting = new Set<ReceiveCall>();
  readonly #pending = new Set<PendingOpen>();
  /** Members whose streams were lost and not opened again, with the cause. */
  readonly #lost = new Map<string, string>();
  /** Those that may still be sent under: none older than the newest that was. */
  #generations: Generation[] = [];
  #self: string | undefined;
  #isClosed = false;
  #bytesSent = 0;
  #bytesReceived = 0;
  #handleMessage: (message: PeerMessage) => void = () => undefined;
  #handleLost: (incarnation: string, cause: string) => void = () => undefined;

  constructor(o: { token: string; clock?: Clock }) {
    this.#token = o.token;
    this.#clock = o.clock ?? systemClock;
  }

  /**
   * Peers that are not there yet are dialled until the signal aborts: then rejects with FT_PEER_UNREACHABLE, which
   * names them. Rejects with FT_PEER_REFUSED or FT_TOKEN_REFUSED as soon as a peer refuses.
   */
  open(generation: Generation, self: string, signal: AbortSignal): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedError());
    this.#self = self;
    this.#generations.push(generation);
    const others = generation.members.filter((member) => member.incarnation !== self);
    for (const member of others) {
      const peer = this.#peers.get(member.incarnation);
      if (peer === undefined) this.#dial(member, self, generation.id);
      else peer.inbound.generation = generation.id;
    }
    this.#admitWaiting();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        pending.reject(this.#unreachable(generation));
      };
      const settle = (finish: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        this.#pending.delete(pending);
        finish();
      };
      const pending: PendingOpen = {
        peers: new Set(others.map((member) => member.incarnation)),
        resolve: () => {
          settle(resolve);
        },
        reject: (error) => {
          this.#giveUp((known) => known === generation);
          settle(() => {
            reject(error);
          });
        },
      };
      this.#pending.add(pending);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else this.#settleOpens();
    });
  }

  send(toRank: number, message: PeerMessage): void {
    if (this.#isClosed) return;
    const generation = this.#generations.find(
      (known) => compareGenerations(known.id, message.generation) === 0,
    );
    const member = generation?.members[toRank];
    if (member === undefined) return;
    if (this.#generations.length > 1) {
      this.#giveUp((known) => compareGenerations(known.id, message.generation) < 0);
    }
    this.#peers.get(member.incarnation)?.outbound.send(message);
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
    this.#isClosed = true;
    for (const pending of [...this.#pending]) pending.reject(closedError());
    for (const call of this.#waiting) call.end();
    this.#waiting.clear();
    for (const peer of this.#peers.values()) closePeer(peer);
    this.#peers.clear();
    return Promise.resolve();
  }

  /** Implementation of the Receive call. */
  accept(call: ReceiveCall): void {
    const { generation, receiver, sender } = call.request;
    const { outcome, reason } = this.#isClosed
      ? { outcome: 'refuse', reason: 'this worker is leaving' }
      : admit(
          { generation: generation ?? { term: 0, number: 0 }, receiver, sender },
          { self: this.#self, generations: this.#generations, lost: this.#lost },
        );
    if (outcome === 'accept') {
      this.#peers.get(receiver)?.outbound.attach(call);
      this.#settleOpens();
    } else if (outcome === 'wait' && this.#waiting.size < MAX_WAITING_CALLS) {
      this.#waiting.add(call);
      call.on('cancelled', () => this.#waiting.delete(call));
    } else {
      const error = new FtctlError('FT_PEER_REFUSED', {
        what: `Incarnation ${receiver} may not receive from this worker:`,
        why: outcome === 'wait' ? `${MAX_WAITING_CALLS} others wait.` : `${reason}.`,
      });
      call.emit('error', toStatus(error));
    }
  }

  #dial(member: Member, self: string, generation: GenerationId): void {
    const { incarnation } = member;
    const inbound = new PeerInbound({
      address: member.address,
      generation,
      ...{ receiver: self, sender: incarnation },
      token: this.#token,
      clock: this.#clock,
      pool: this.pool,
      onUp: () => {
        this.#settleOpens();
      },
      onMessage: (message) => {
        this.#bytesReceived += message.values.byteLength;
        this.#handleMessage(message);
      },
      onLost: (error) => {
        this.#lose(peer, error);
      },
    });
    const outbound = new PeerOutbound({
      clock: this.#clock,
      onLost: (cause) => {
        this.#lose(peer, unreachable(`The worker at ${member.address} is lost: ${cause}.`));
      },
      onBytes: (bytes) => {
        this.#bytesSent += bytes;
      },
    });
    const peer: Peer = { member, inbound, outbound };
    this.#peers.set(incarnation, peer);
    this.#lost.delete(incarnation);
    inbound.dial();
  }

  #admitWaiting(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const call of waiting) if (!call.cancelled) this.accept(call);
  }

  #settleOpens(): void {
    for (const pending of [...this.#pending]) {
      const isUp = (incarnation: string): boolean => {
        const peer = this.#peers.get(incarnation);
        return peer !== undefined && peer.inbound.isUp && peer.outbound.isUp;
      };
      if ([...pending.peers].every(isUp)) pending.resolve();
    }
  }

  #lose(peer: Peer, error: FtctlError): void {
    const { incarnation } = peer.member;
    if (this.#peers.get(incarnation) !== peer) return;
    this.#peers.delete(incarnation);
    this.#lost.set(incarnation, error.message.replace(/\.$/, ''));
    closePeer(peer);
    for (const pending of [...this.#pending]) {
      if (pending.peers.has(incarnation)) pending.reject(error);
    }
    this.#handleLost(incarnation, error.message);
  }

  /** Forgets generations; streams that only they need are ended, without a loss. */
  #giveUp(isVoid: (generation: Generation) => boolean): void {
    const kept = this.#generations.filter((known) => !isVoid(known));
    if (kept.length === this.#generations.length) return;
    this.#generations = kept;
    const needed = new Set(
      kept.flatMap((generation) => generation.members.map((member) => member.incarnation)),
    );
    for (const [incarnation, peer] of this.#peers) {
      if (needed.has(incarnation)) continue;
      this.#peers.delete(incarnation);
      closePeer(peer);
    }
    for (const incarnation of [...this.#lost.keys()]) {
      if (!needed.has(incarnation)) this.#lost.delete(incarnation);
    }
  }

  #unreachable(generation: Generation): FtctlError {
    const missing = generation.members.flatMap((member) => {
      if (member.incarnation === this.#self) return [];
      const peer = this.#peers.get(member.incarnation);
      if (peer?.inbound.isUp === true && peer.outbound.isUp) return [];
      const cause = peer?.inbound.isUp === true ? 'it did not dial back' : peer?.inbound.lastCause;
      return [`rank ${member.rank} at ${member.address} (${cause ?? 'lost'})`];
    });
    return unreachable(
      `Generation ${formatGeneration(generation.id)} could not be opened: ${missing.join(', ')}.`,
    );
  }
}

function closePeer(peer: Peer): void {
  peer.inbound.close();
  peer.outbound.close();
}

function unreachable(what: string): FtctlError {
  return new FtctlError('FT_PEER_UNREACHABLE', { what });
}

function closedError(): FtctlError {
  return new FtctlError('FT_PEER_UNREACHABLE', { what: 'The own streams are closed.' });
}
