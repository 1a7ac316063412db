import type { RunEvent } from '../control/events.js';

/** What the launcher remembers of a run, to be able to say where it was when it ended. */
export interface RunProgress {
  readonly phase: 'start' | 'prepare' | 'train' | 'evaluate';
  /** `at epoch 3 of 25, step 12 of 23`: goes into a sentence. */
  readonly where: string;
  /** Slots of the workers that have joined. */
  readonly joined: ReadonlySet<number>;
  /** Rank of each slot in the current generation. */
  readonly ranks: ReadonlyMap<number, number>;
}

/** Before the first event. */
export const noProgress: RunProgress = {
  phase: 'start',
  where: 'while the run started',
  joined: new Set(),
  ranks: new Map(),
};

/** A generation was seen: rounds have begun. */
export function hasBegun({ phase }: RunProgress): boolean {
  return phase !== 'start' && phase !== 'prepare';
}

/** The progress after one more event. Pure. */
export function advance(progress: RunProgress, event: RunEvent): RunProgress {
  switch (event.type) {
    case 'preparing':
      // Workers may join and train begin while nothing more is prepared: never back.
      if (progress.phase !== 'start' && progress.phase !== 'prepare') return progress;
      return { ...progress, phase: 'prepare', where: `while it prepared the ${event.what}` };
    case 'worker-joined':
      return { ...progress, joined: new Set([...progress.joined, event.slot]) };
    case 'generation': {
      const ranks = new Map(event.members.map(({ slot, rank }) => [slot, rank]));
      if (hasBegun(progress)) return { ...progress, ranks };
      const where =
        event.round === 0 ? 'before its first step' : 'before its first step since the resume';
      return { ...progress, phase: 'train', where, ranks };
    }
    case 'step':
      return {
        ...progress,
        phase: 'train',
        where: `at epoch ${event.epoch + 1} of ${event.epochs}, step ${event.step + 1} of ${event.steps}`,
      };
    case 'epoch':
      return {
        ...progress,
        phase: 'train',
        where: `after epoch ${event.epoch + 1} of ${event.epochs}`,
      };
    case 'test':
      return { ...progress, phase: 'evaluate', where: 'after the test evaluation' };
    default:
      return progress;
  }
}
