import type { FtctlErrorJson } from '../errors/index.js';
import type {
  CoordinatorMessage,
  PreparePurpose,
  SnapshotKind,
  StateRef,
  WorkerMessage,
} from '../rpc/control-messages.js';
import type { Generation, GenerationId } from '../rpc/generation.js';
import type { Ledger, LedgerEntry } from './ledger.js';
import type { Limits } from './limits.js';

/** Fixed for a life of the coordinator. */
export interface MembershipOptions {
  readonly term: number;
  /** Workers that the run starts with, and has at most; slots are 0 to count - 1. */
  readonly count: number;
  readonly numShards: number;
  readonly twoHopFromElements: number;
  /** Goes into every `welcome`. */
  readonly bundle: string;
  /** Where the run goes on; null is the initial state. */
  readonly resume: { readonly state: StateRef; readonly epoch: number } | null;
  /** Ledger hashes by round that an earlier life of the same run wrote to the journal, past the resumed state. */
  readonly earlierLedger: ReadonlyMap<number, string>;
  readonly limits: Limits;
}

export type Hello = Extract<WorkerMessage, { type: 'hello' }>;

/** A worker that said hello and was admitted. */
export interface WorkerRecord {
  readonly hello: Hello;
  readonly life: 'starting' | 'ready' | 'gone';
  /** What it last said it was doing, at which round, and since when that is so. */
  readonly stage: string;
  readonly round: number;
  readonly stageSinceMs: number;
  readonly lastHeardMs: number;
}

/**
 * Where the run is: gather, prepare, make the commit durable, run; prepare again whenever a member is gone or one has come; then prepare to
 * stop, store, end. Where no member is left it gathers again.
 */
export type RunPhase =
  | { readonly name: 'gathering'; readonly sinceMs: number }
  | {
      readonly name: 'preparing';
      readonly generation: Generation;
      readonly purpose: PreparePurpose;
      /** Why: goes into the journal and to watchers. */
      readonly reason: string;
      readonly promises: ReadonlyMap<string, StateRef>;
      readonly sinceMs: number;
    }
  /** The commit is being written to the journal; it is sent when it is durable. */
  | {
      readonly name: 'committing';
      readonly generation: Generation;
      /** The state that its members go on from. */
      readonly state: StateRef;
      /** `host:port` of members that have it; none: the coordinator has it. */
      readonly holders: readonly string[];
    }
  | {
      readonly name: 'running';
      readonly generation: Generation;
      /** Who has given the others their state, as in `committing`. */
      readonly holders: readonly string[];
    }
  /** All states that the run must not lose are being stored; then everyone is released. */
  | {
      readonly name: 'storing';
      readonly generation: Generation;
      readonly why: 'finished' | 'stopped';
      /** The state that the run ends with. */
      readonly state: StateRef;
      /** All who are left have promised to apply no more rounds: nobody will announce this state who has not yet. */
      readonly isSettled: boolean;
      readonly sinceMs: number;
    }
  | { readonly name: 'ended' };

/** A state that workers hold a copy of until it is on disk. */
export interface Copy {
  readonly kind: SnapshotKind;
  readonly state: StateRef;
  readonly epoch: number;
  /** Incarnations that hold it; it is fetched from the first. */
  readonly holders: readonly string[];
  /** Incarnations that it could not be fetched from. */
  readonly failedHolders: readonly string[];
  /** null until it is on disk. */
  readonly path: string | null;
  /** Why the last holder could not give it, and when that was. */
  readonly problem: { readonly error: FtctlErrorJson; readonly sinceMs: number } | null;
}

/** A member's word that its stream from `peer` broke for good. Proves nothing: see judgement.ts. */
export interface Accusation {
  readonly accuser: string;
  readonly accused: string;
  readonly cause: string;
  readonly sinceMs: number;
}

/** What the run fails with, whatever else goes wrong, while the newest state of those who are left is being saved. */
export interface Failure {
  readonly error: FtctlErrorJson;
  readonly sinceMs: number;
}

/** Everything that the coordinator's decisions depend on. Immutable. */
export interface MembershipState {
  readonly phase: RunPhase;
  /** By incarnation. */
  readonly workers: ReadonlyMap<string, WorkerRecord>;
  /** The newest generation whose commit is durable; null before the first. */
  readonly committed: Generation | null;
  readonly lastNumber: number;
  /** null while nothing has gone wrong; see rescue.ts. */
  readonly failure: Failure | null;
  readonly accusations: readonly Accusation[];
  /** Members that could not get the state to go on from, since the last new round. */
  readonly numNotGiven: number;
  readonly copies: readonly Copy[];
  readonly ledger: Ledger;
  readonly lastTickMs: number;
}

export type MembershipEvent =
  | { readonly type: 'message'; readonly from: string; readonly message: WorkerMessage }
  /** A worker's control stream is gone. */
  | { readonly type: 'lost'; readonly incarnation: string; readonly cause: string }
  | { readonly type: 'stop'; readonly mode: 'graceful' | 'now' }
  /** The journal holds the commit of this generation, durably. */
  | { readonly type: 'recorded'; readonly generation: GenerationId }
  | {
      readonly type: 'stored';
      readonly kind: SnapshotKind;
      readonly state: StateRef;
      readonly path: string;
    }
  | {
      readonly type: 'not-stored';
      readonly kind: SnapshotKind;
      readonly state: StateRef;
      readonly holder: string;
      readonly error: FtctlErrorJson;
    }
  /** The coordinator itself cannot go on (its journal cannot be written). */
  | { readonly type: 'trouble'; readonly error: FtctlErrorJson }
  | { readonly type: 'tick' };

export type MembershipEffect =
  | { readonly type: 'send'; readonly to: string; readonly message: CoordinatorMessage }
  /** Ends a worker's stream after what was sent to it. */
  | { readonly type: 'close'; readonly incarnation: string }
  /** Write the commit and make it durable, then say `recorded`. */
  | {
      readonly type: 'record-generation';
      readonly generation: Generation;
      readonly round: number;
      readonly reason: string;
    }
  /** A round was delivered for the first time. */
  | { readonly type: 'record-round'; readonly entry: LedgerEntry }
  /** Fetch a state from its holder, write it, then say `stored` or `not-stored`. */
  | {
      readonly type: 'store';
      readonly kind: SnapshotKind;
      readonly state: StateRef;
      readonly epoch: number;
      readonly holder: string;
    }
  /** Nobody is left who could give this state: its fetch, which may still succeed, must not hold up others. */
  | { readonly type: 'give-up'; readonly kind: SnapshotKind; readonly state: StateRef }
  /** Say `tick` in `inMs`, apart from the regular ones: a short deadline is due then. */
  | { readonly type: 'look-again'; readonly inMs: number }
  | { readonly type: 'joined'; readonly hello: Hello }
  | { readonly type: 'worker-lost'; readonly slot: number; readonly cause: string }
  | { readonly type: 'end'; readonly end: RunEnd };

/** How a run ended. `final` is the state that the result is made of. */
export type RunEnd =
  | { readonly status: 'finished'; readonly final: StoredState }
  /** null: stopped before the first round, or stopped at once. */
  | { readonly status: 'stopped'; readonly final: StoredState | null }
  | { readonly status: 'failed'; readonly error: FtctlErrorJson };

export interface StoredState {
  readonly kind: SnapshotKind;
  readonly state: StateRef;
  readonly path: string;
}

/** `outcome` is a word for tests and logs, `reason` a sentence for people. */
export interface MembershipDecision {
  readonly state: MembershipState;
  readonly effects: readonly MembershipEffect[];
  readonly outcome: string;
  readonly reason: string;
}
