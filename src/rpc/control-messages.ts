import type { FtctlErrorJson } from '../errors/index.js';
import type { Generation, GenerationId } from './generation.js';

/** A state is valid by (round, hash), whoever made it. */
export interface StateRef {
  readonly round: number;
  readonly hash: string;
}

/** Worker -> coordinator, on the control stream. */
export type WorkerMessage =
  | {
      readonly type: 'hello';
      readonly incarnation: string;
      /** The place that the launcher gave the process (log file name); ranks are sorted by it. */
      readonly slot: number;
      readonly pid: number;
      readonly host: string;
      readonly address: string;
      readonly metricsAddress: string;
      /** Canonical JSON of the numeric environment; see engines/fingerprint.ts. */
      readonly fingerprint: string;
      /** Hash of the numeric probe's results. */
      readonly probe: string;
    }
  /** Model loaded, data there: can be a member. */
  | { readonly type: 'ready'; readonly state: StateRef }
  /** The promise: nothing is sent or applied under older ids from here on. */
  | { readonly type: 'prepared'; readonly generation: GenerationId; readonly state: StateRef }
  /** A round was applied. Telemetry and ledger entry. */
  | { readonly type: 'round'; readonly report: RoundReport }
  /** An immutable copy of a state is held until acknowledged; `fetch` it by its ref. */
  | {
      readonly type: 'snapshot';
      readonly state: StateRef;
      readonly kind: SnapshotKind;
      readonly epoch: number;
    }
  /** A peer's stream broke or went silent. Void once `generation` is past. */
  | {
      readonly type: 'peer-lost';
      readonly generation: GenerationId;
      readonly peer: string;
      readonly cause: string;
    }
  /** This worker cannot go on. */
  | { readonly type: 'failed'; readonly error: FtctlErrorJson }
  /** What the worker is doing; also the heartbeat. */
  | { readonly type: 'stage'; readonly stage: string; readonly round: number };

export type SnapshotKind = 'checkpoint' | 'best' | 'final';

/** Coordinator -> worker. */
export type CoordinatorMessage =
  | {
      readonly type: 'welcome';
      readonly term: number;
      /** JSON of the RunBundle (src/coordinator/bundle.ts): spec, manifest ref, prepared model. */
      readonly bundle: string;
      /** Where to start: null is the initial state, made from the seed; else fetch it from the coordinator. */
      readonly resume: StateRef | null;
      /** Longest silence of a worker; signs of life come four times as often. */
      readonly toleranceMs: number;
    }
  | { readonly type: 'prepare'; readonly generation: Generation; readonly purpose: PreparePurpose }
  /** The generation holds: its members go on from `state`. */
  | {
      readonly type: 'commit';
      readonly generation: Generation;
      readonly state: StateRef;
      /** `host:port` of the members that have the state, for those that do not; none: the coordinator has it. */
      readonly holders: readonly string[];
    }
  /** The state is on disk; the copy may be dropped. */
  | { readonly type: 'acknowledge'; readonly state: StateRef; readonly kind: SnapshotKind }
  /** The run is over for this worker: exit 0. */
  | { readonly type: 'release'; readonly reason: string }
  /** The run failed: exit with the error. */
  | { readonly type: 'abort'; readonly error: FtctlErrorJson };

/** `change`: other members than before. */
export type PreparePurpose = 'start' | 'change' | 'stop';

/** One applied round: the same on every worker but for the last group, which is the sender's own. */
export interface RoundReport {
  readonly generation: GenerationId;
  readonly round: number;
  readonly kind: 'step' | 'evaluate' | 'phase';
  readonly phase: number;
  readonly epoch: number;
  /** Step within the epoch, for kind `step`. */
  readonly step: number;
  /** Running hash of the reduced vectors, hex. */
  readonly ledger: string;
  /** Of the global batch (step) or of the whole split (evaluate). */
  readonly split: 'train' | 'val' | 'test';
  readonly samples: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
  /** Of an evaluation on val: means over the training steps of its epoch; null otherwise. */
  readonly epochTraining: { readonly loss: number; readonly accuracy: number } | null;
  /** The sender's own share. */
  readonly local: LocalReport;
}

export interface LocalReport {
  /** Seconds per bucket (metrics/time-buckets.ts) since the last report. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Totals since the worker started. */
  readonly rowsComputed: number;
  readonly rowsCached: number;
  readonly samples: number;
  readonly bytesSent: number;
  /** Longest time that the control thread was blocked since the last report. */
  readonly longestBlockMs: number;
}
