import type { RunEvent, RunResult } from '../../control/events.js';

/** The part of `event` that one type of event has. */
export type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

/** What is known of one worker. */
export interface WorkerProgress {
  readonly slot: number;
  /** In the current generation; null before the first and after it was left out. */
  readonly rank: number | null;
  readonly numShards: number;
  /** `joining`, what it says it does, or `lost`. */
  readonly stage: string;
}

/** A moment of the run: how much of all its epochs was done (0 to 1) at a Unix time in ms. */
interface Mark {
  readonly at: number;
  readonly done: number;
}

/** Everything that a display of a run shows; made from the run's events alone, by {@link progressAfter}. */
export interface ProgressState {
  readonly runId: string | null;
  /** Unix times in ms of the first and the newest event. */
  readonly startedAt: number | null;
  readonly now: number | null;
  readonly preparing: EventOf<'preparing'> | null;
  readonly data: EventOf<'data-ready'> | null;
  /** By slot. */
  readonly workers: readonly WorkerProgress[];
  /** A generation was seen: rounds have begun. */
  readonly hasBegun: boolean;
  readonly step: EventOf<'step'> | null;
  readonly epoch: EventOf<'epoch'> | null;
  readonly best: EventOf<'epoch'> | null;
  readonly test: EventOf<'test'> | null;
  /** The newest marks, oldest first: what the time left is estimated from. */
  readonly marks: readonly Mark[];
  readonly result: RunResult | null;
}

export const initialProgress: ProgressState = {
  runId: null,
  startedAt: null,
  now: null,
  preparing: null,
  data: null,
  workers: [],
  hasBegun: false,
  step: null,
  epoch: null,
  best: null,
  test: null,
  marks: [],
  result: null,
};

/** The state after `event`. Pure. */
export function progressAfter(state: ProgressState, event: RunEvent): ProgressState {
  const seen = { ...state, startedAt: state.startedAt ?? event.at, now: event.at };
  switch (event.type) {
    case 'run-started':
      return { ...seen, runId: event.runId };
    case 'preparing':
      return { ...seen, preparing: event };
    case 'data-ready':
      return { ...seen, data: event };
    case 'worker-joined':
      return withWorker(seen, { slot: event.slot, rank: null, numShards: 0, stage: 'joining' });
    case 'worker-state':
      return withWorker(seen, { ...workerAt(seen, event.slot), stage: event.stage });
    case 'worker-lost':
      return withWorker(seen, { ...workerAt(seen, event.slot), rank: null, stage: 'lost' });
    case 'generation':
      return {
        ...seen,
        preparing: null,
        workers: ranked(seen.workers, event.members),
        hasBegun: true,
      };
    case 'step': {
      const done = (event.epoch + (event.step + 1) / Math.max(1, event.steps)) / event.epochs;
      return { ...seen, preparing: null, step: event, marks: marked(seen.marks, event.at, done) };
    }
    case 'epoch':
      return {
        ...seen,
        epoch: event,
        best: event.isBest ? event : seen.best,
        marks: marked(seen.marks, event.at, (event.epoch + 1) / event.epochs),
      };
    case 'test':
      return { ...seen, test: event };
    case 'run-finished':
    case 'run-stopped':
      return { ...seen, result: event.result };
    case 'phase-stopped': // the same epochs are another part of the run from here on
      return { ...seen, marks: [] };
    case 'phase':
    case 'checkpoint':
    case 'files-skipped':
    case 'warning':
    case 'run-failed':
      return seen;
  }
}

/** Milliseconds until all epochs are done, from the pace of late; null while there is none. */
export function timeLeftMs({ marks }: ProgressState): number | null {
  const first = marks[0];
  const last = marks.at(-1);
  if (first === undefined || last === undefined || last.done <= first.done) return null;
  return ((1 - last.done) * (last.at - first.at)) / (last.done - first.done);
}

/** Marks span at most this long, so that the pace follows a cache that has become warm. */
const paceWindowMs = 20_000;
const maxMarks = 256;

function marked(marks: readonly Mark[], at: number, done: number): readonly Mark[] {
  const last = marks.at(-1);
  if (last !== undefined && done < last.done) return [{ at, done }]; // went back to a checkpoint
  const recent = marks.filter((mark) => mark.at >= at - paceWindowMs).slice(-maxMarks);
  // One mark from before the window keeps a pace when steps are slower than it.
  const kept = recent.length === 0 && last !== undefined ? [last] : recent;
  return [...kept, { at, done }];
}

function workerAt(state: ProgressState, slot: number): WorkerProgress {
  return (
    state.workers.find((worker) => worker.slot === slot) ?? {
      slot,
      rank: null,
      numShards: 0,
      stage: 'joining',
    }
  );
}

function withWorker(state: ProgressState, worker: WorkerProgress): ProgressState {
  const others = state.workers.filter(({ slot }) => slot !== worker.slot);
  return { ...state, workers: [...others, worker].sort((a, b) => a.slot - b.slot) };
}

function ranked(
  workers: readonly WorkerProgress[],
  members: EventOf<'generation'>['members'],
): readonly WorkerProgress[] {
  const slots = new Set([...workers.map(({ slot }) => slot), ...members.map(({ slot }) => slot)]);
  return [...slots]
    .sort((a, b) => a - b)
    .map((slot) => {
      const known = workers.find((worker) => worker.slot === slot);
      const member = members.find((each) => each.slot === slot);
      return {
        slot,
        rank: member?.rank ?? null,
        numShards: member?.numShards ?? 0,
        stage: known?.stage ?? 'joining',
      };
    });
}
