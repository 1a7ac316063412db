import type { PhaseSpec, ScheduleSpec } from './phase-spec.js';

type WarnedSpec = Pick<PhaseSpec, 'epochs' | 'schedule' | 'earlyStopping'>;

/**
 * Sentences on what is set for each phase and can never come to pass in its epochs. It is no fault: a run that is tried out with few epochs
 * has it, and one that is continued with more may get there.
 */
export function phaseWarnings(phases: readonly WarnedSpec[]): string[] {
  return phases.flatMap((phase, index) => {
    const name = `phases.${index}`;
    return [...scheduleWarnings(phase, name), ...earlyStoppingWarnings(phase, name)];
  });
}

function scheduleWarnings({ epochs, schedule }: WarnedSpec, name: string): string[] {
  const warmupEpochs = schedule.warmup?.epochs ?? 0;
  if (warmupEpochs >= epochs) {
    const part = `${name}.schedule.warmup.epochs is ${warmupEpochs}, and ${name} has ${count(epochs)}`;
    return [`${part}: the learning rate is not reached, and the schedule does not begin.`];
  }
  const ofWarmup = warmupEpochs === 0 ? '' : `, ${warmupEpochs} of them for the warm-up`;
  return unreached(schedule, epochs - warmupEpochs).map(
    ([what, then]) =>
      `${name}.schedule.${what}, and ${name} has ${count(epochs)}${ofWarmup}: ${then}.`,
  );
}

/** What a schedule of so many epochs has and what follows. A reduction after the last of them changes no update. */
function unreached(schedule: ScheduleSpec, epochs: number): (readonly [string, string])[] {
  const never = 'the learning rate is never reduced';
  switch (schedule.type) {
    case 'step':
      return schedule.stepSize < epochs ? [] : [[`stepSize is ${schedule.stepSize}`, never]];
    case 'multistep': {
      const late = schedule.milestones.filter((milestone) => milestone >= epochs);
      if (late.length === 0) return [];
      const then = late.length === schedule.milestones.length ? never : 'it ends before';
      return [[`milestones has ${late.join(', ')}`, then]];
    }
    case 'plateau':
      // The first evaluation is an improvement; one more than `patience` without any reduce the rate of the epochs after them.
      return schedule.patience + 2 < epochs ? [] : [[`patience is ${schedule.patience}`, never]];
    case 'constant':
    case 'exponential':
    case 'cosine':
      return [];
  }
}

/** The first evaluation is an improvement, so that a phase has `patience + 1` epochs at least. */
function earlyStoppingWarnings({ epochs, earlyStopping }: WarnedSpec, name: string): string[] {
  if (earlyStopping === null || earlyStopping.patience + 1 < epochs) return [];
  const { patience } = earlyStopping;
  const part = `${name}.earlyStopping.patience is ${patience}, and ${name} has ${count(epochs)}`;
  return [`${part}: it cannot stop early.`];
}

function count(epochs: number): string {
  return `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`;
}
