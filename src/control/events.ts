import type { BadFile } from '../data/manifest.js';
import type { FtctlErrorJson } from '../errors/index.js';

/** Everything that happens in a run, for people, dashboards and `events.jsonl`. `at` is a Unix time in ms. */
export type RunEvent = { readonly at: number } & RunEventBody;

export type RunEventBody =
  | {
      readonly type: 'run-started';
      readonly runId: string;
      readonly term: number;
      readonly resumedFromRound: number;
    }
  /** Long work before training: fetching, checking, preparing. `done` and `total` in `unit`; total 0: unknown. */
  | {
      readonly type: 'preparing';
      readonly what: 'data' | 'weights' | 'manifest' | 'model';
      readonly message: string;
      readonly done: number;
      readonly total: number;
      readonly unit: 'bytes' | 'files' | 'steps';
    }
  /** Files that cannot be used and are left out (`data.onBadFile: skip`): a part of all `total`, from number `first` on. */
  | {
      readonly type: 'files-skipped';
      readonly total: number;
      readonly first: number;
      readonly files: readonly BadFile[];
      /** The file that has these events. */
      readonly listedIn: string;
    }
  | {
      readonly type: 'data-ready';
      readonly classes: number;
      readonly train: number;
      readonly val: number;
      readonly test: number;
      readonly skipped: number;
      readonly manifestHash: string;
    }
  | {
      readonly type: 'worker-joined';
      readonly slot: number;
      readonly incarnation: string;
      readonly pid: number;
      readonly host: string;
    }
  | { readonly type: 'worker-state'; readonly slot: number; readonly stage: string }
  | {
      readonly type: 'generation';
      readonly generation: string;
      readonly members: readonly {
        readonly rank: number;
        readonly slot: number;
        readonly firstShard: number;
        readonly numShards: number;
      }[];
      readonly round: number;
      readonly reason: string;
    }
  /** One applied step, as reported (not every step need be reported to a slow watcher). */
  | {
      readonly type: 'step';
      readonly round: number;
      readonly phase: number;
      readonly epoch: number;
      readonly epochs: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly accuracy: number;
      readonly learningRate: number;
      readonly imagesPerSecond: number;
    }
  /** A phase after the first begins. */
  | {
      readonly type: 'phase';
      readonly phase: number;
      /** How many the run has. */
      readonly phases: number;
      readonly train: readonly string[];
      readonly from: 'last' | 'best';
      /** The epoch whose parameters it starts from, over the whole run. */
      readonly fromEpoch: number;
    }
  /** A phase has ended before its epochs were over (`earlyStopping`). Follows the `epoch` event of its last one. */
  | {
      readonly type: 'phase-stopped';
      readonly phase: number;
      readonly phases: number;
      /** Epochs of the phase that were done, and that the configuration has. */
      readonly epochs: number;
      readonly of: number;
      readonly metric: 'accuracy' | 'loss';
      readonly patience: number;
    }
  /** An epoch and its evaluation are over. `epochs`: of the whole run, as far as phases have not stopped early; also of a `step`. */
  | {
      readonly type: 'epoch';
      readonly phase: number;
      readonly epoch: number;
      readonly epochs: number;
      readonly train: { readonly loss: number; readonly accuracy: number };
      readonly val: { readonly loss: number; readonly accuracy: number };
      readonly learningRate: number;
      readonly isBest: boolean;
      readonly seconds: number;
      /** Training images over the time from the end of the epoch before to the last step, whatever was waited for in it; 0: there was no step. */
      readonly imagesPerSecond: number;
      /** Rows that backbones computed and rows from the cache, this epoch, over all workers. */
      readonly rowsComputed: number;
      readonly rowsCached: number;
    }
  | {
      readonly type: 'test';
      readonly loss: number;
      readonly accuracy: number;
      readonly samples: number;
    }
  | {
      readonly type: 'checkpoint';
      readonly kind: 'checkpoint' | 'best' | 'final';
      readonly round: number;
      readonly epoch: number;
      readonly path: string;
    }
  | { readonly type: 'warning'; readonly message: string; readonly rank?: number }
  | { readonly type: 'worker-lost'; readonly slot: number; readonly cause: string }
  | { readonly type: 'run-finished'; readonly result: RunResult }
  | {
      readonly type: 'run-stopped';
      readonly round: number;
      readonly checkpoint: string | null;
      readonly result: RunResult;
    }
  | { readonly type: 'run-failed'; readonly error: FtctlErrorJson; readonly resumable: boolean };

export interface Score {
  readonly loss: number;
  readonly accuracy: number;
}

/** What `launch --json` prints when a run ends. */
export interface RunResult {
  readonly runId: string;
  readonly status: 'finished' | 'stopped';
  readonly workers: number;
  readonly epochs: number;
  readonly steps: number;
  readonly samples: number;
  readonly train: Score | null;
  readonly val: Score | null;
  readonly test?: Score;
  readonly best: {
    readonly epoch: number;
    readonly metric: 'accuracy' | 'loss';
    readonly value: number;
  } | null;
  readonly digest: string;
  readonly wallSeconds: number;
  readonly imagesPerSecond: number;
  readonly recoveries: readonly {
    readonly step: number;
    readonly cause: string;
    readonly rank: number;
    readonly seconds: number;
  }[];
  readonly runDir: string;
}
