import type { RunReadings } from '../metrics/coordinator-metrics.js';
import type { RunEvent } from './events.js';

/** Before the first event. */
export const noReadings: RunReadings = {
  term: 0,
  generation: null,
  round: 0,
  phase: 0,
  epoch: 0,
  epochs: 0,
  loss: {},
  accuracy: {},
  learningRate: null,
  imagesPerSecond: null,
  workers: 0,
  steps: 0,
  stepsPerEpoch: 0,
  workersLost: 0,
  rowsComputed: 0,
  rowsCached: 0,
  checkpoints: { checkpoint: 0, best: 0, final: 0 },
  warnings: 0,
};

/** The run's readings after one more event. Pure. */
export function applyEvent(r: RunReadings, event: RunEvent): RunReadings {
  switch (event.type) {
    case 'run-started':
      return { ...r, term: event.term, round: event.resumedFromRound };
    case 'generation':
      return {
        ...r,
        generation: numberOf(event.generation),
        round: event.round,
        workers: event.members.length,
      };
    case 'step':
      return {
        ...r,
        round: event.round,
        phase: event.phase,
        epoch: event.epoch,
        epochs: event.epochs,
        // Not every step is told.
        steps: event.epoch * event.steps + event.step + 1,
        stepsPerEpoch: event.steps,
        loss: { ...r.loss, train: event.loss },
        accuracy: { ...r.accuracy, train: event.accuracy },
        learningRate: event.learningRate,
        imagesPerSecond: event.imagesPerSecond,
      };
    case 'epoch':
      return {
        ...r,
        phase: event.phase,
        epoch: event.epoch,
        epochs: event.epochs,
        loss: { ...r.loss, val: event.val.loss },
        accuracy: { ...r.accuracy, val: event.val.accuracy },
        learningRate: event.learningRate,
        steps: (event.epoch + 1) * r.stepsPerEpoch,
        rowsComputed: r.rowsComputed + event.rowsComputed,
        rowsCached: r.rowsCached + event.rowsCached,
      };
    case 'test':
      return {
        ...r,
        loss: { ...r.loss, test: event.loss },
        accuracy: { ...r.accuracy, test: event.accuracy },
      };
    case 'checkpoint':
      return {
        ...r,
        checkpoints: { ...r.checkpoints, [event.kind]: r.checkpoints[event.kind] + 1 },
      };
    case 'worker-lost':
      return { ...r, workersLost: r.workersLost + 1 };
    case 'files-skipped':
      return { ...r, warnings: r.warnings + (event.first === 0 ? 1 : 0) }; // one warning, in parts
    case 'warning':
      return { ...r, warnings: r.warnings + 1 };
    default:
      return r;
  }
}

/** `4` of the generation `1.4`. */
function numberOf(generation: string): number {
  return Number(generation.split('.')[1] ?? 0);
}
