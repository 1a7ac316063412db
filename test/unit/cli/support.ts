import type { RunEvent, RunEventBody, RunResult } from '../../../src/control/events.js';
import {
  initialProgress,
  progressAfter,
  type ProgressState,
} from '../../../src/cli/progress/progress-state.js';

/** Events one second apart, from 2025-01-31T14:22:33Z on. */
export function events(...bodies: RunEventBody[]): RunEvent[] {
  return bodies.map((body, index) => ({ ...body, at: 1_738_333_353_000 + index * 1000 }));
}

export function stateAfter(all: readonly RunEvent[]): ProgressState {
  return all.reduce(progressAfter, initialProgress);
}

export const started: RunEventBody = {
  type: 'run-started',
  runId: 'quickstart-20250131T142233Z-k3f9',
  term: 1,
  resumedFromRound: 0,
};

export function preparing(
  message: string,
  done: number,
  total: number,
  unit: 'bytes' | 'files' | 'steps' = 'bytes',
): RunEventBody {
  return { type: 'preparing', what: 'data', message, done, total, unit };
}

export const dataReady: RunEventBody = {
  type: 'data-ready',
  classes: 16,
  train: 1452,
  val: 363,
  test: 0,
  skipped: 0,
  manifestHash: 'ab'.repeat(32),
};

export function joined(slot: number): RunEventBody {
  return { type: 'worker-joined', slot, incarnation: `w${slot}`, pid: 4000 + slot, host: 'box' };
}

export function state(slot: number, stage: string): RunEventBody {
  return { type: 'worker-state', slot, stage };
}

export function generation(slots: readonly number[], round = 0): RunEventBody {
  return {
    type: 'generation',
    generation: '1.1',
    members: slots.map((slot, rank) => ({ rank, slot, firstShard: rank * 2, numShards: 2 })),
    round,
    reason: 'start',
  };
}

export function step(epoch: number, index: number): RunEventBody {
  return {
    type: 'step',
    round: epoch * 47 + index + 1,
    phase: 0,
    epoch,
    epochs: 25,
    step: index,
    steps: 46,
    loss: 0.81234,
    accuracy: 0.7421,
    learningRate: 0.003,
    imagesPerSecond: 412.3,
  };
}

export function epoch(index: number, isBest = false): RunEventBody {
  return {
    type: 'epoch',
    phase: 0,
    epoch: index,
    epochs: 25,
    train: { loss: 0.9, accuracy: 0.71 },
    val: { loss: 1.01, accuracy: 0.7 + index / 100 },
    learningRate: 0.003,
    isBest,
    seconds: 4.2,
    imagesPerSecond: 345.7,
    rowsComputed: 1815,
    rowsCached: 605,
  };
}

export const result: RunResult = {
  runId: 'quickstart-20250131T142233Z-k3f9',
  status: 'finished',
  workers: 4,
  epochs: 25,
  steps: 1150,
  samples: 36_300,
  train: { loss: 0.51234, accuracy: 0.861 },
  val: { loss: 0.912, accuracy: 0.752 },
  test: { loss: 0.95, accuracy: 0.741 },
  best: { epoch: 17, metric: 'accuracy', value: 0.758 },
  digest: '3f'.repeat(32),
  wallSeconds: 102.4,
  imagesPerSecond: 354.5,
  recoveries: [],
  runDir: '/work-dir/runs/quickstart-20250131T142233Z-k3f9',
};
