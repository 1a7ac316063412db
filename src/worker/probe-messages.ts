import type { FtctlErrorJson } from '../errors/index.js';
import type { Generation } from '../rpc/generation.js';

/** What one worker's probe of a phase has measured: times of this machine with all workers of the run at work. */
export interface ProbeMeasures {
  /** Rows of the worker in a batch. */
  readonly numRows: number;
  /** To make the features of a batch's rows, from the files on. */
  readonly features: Cost;
  /** What a batch takes, its features cached, and what an update takes beside its batches. */
  readonly batch: Cost;
  readonly updateSeconds: number;
  /** From the own sums on until those of all workers are there. */
  readonly exchangeSeconds: number;
  /** An evaluation of as many rows as a batch has, their features cached. */
  readonly evaluationSeconds: number;
  /** A copy of the state, as a best epoch or a checkpoint takes it. */
  readonly checkpointSeconds: number;
  /** The most memory that the process has had resident. */
  readonly peakBytes: number;
}

/** Wall clock, and CPU time of all threads of the process. */
export interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** What the launcher asks of a probe, one after the other; each is answered once. */
export type ProbeRequest =
  | {
      readonly ask: 'serve';
      readonly bundle: string;
      /** Which of the run's phases. */
      readonly phase: number;
      /** The process's incarnation. */
      readonly self: string;
      readonly token: string;
      /** A folder for the features of this probe alone. */
      readonly featuresDir: string;
    }
  | { readonly ask: 'open'; readonly generation: Generation }
  | { readonly ask: 'features' }
  | { readonly ask: 'rounds' };

export type ProbeAnswer =
  | { readonly type: 'serving'; readonly address: string }
  | { readonly type: 'open' }
  | { readonly type: 'features' }
  | { readonly type: 'measures'; readonly measures: ProbeMeasures }
  | { readonly type: 'failed'; readonly error: FtctlErrorJson };
