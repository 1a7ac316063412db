import type { PhaseSpec, ScheduleSpec } from '../config/run-spec.js';

/** The learning rate of every step of an epoch: a pure function of where it is. `epoch` counts over the run. */
export function learningRateAt(phases: readonly PhaseSpec[], phase: number, epoch: number): number {
  const spec = phases[phase]!;
  return scheduledRate(
    spec.optimizer.learningRate,
    spec.schedule,
    epoch - firstEpochOf(phases, phase),
  );
}

/** The run's epoch that a phase begins with. */
export function firstEpochOf(phases: readonly PhaseSpec[], phase: number): number {
  return phases.slice(0, phase).reduce((sum, spec) => sum + spec.epochs, 0);
}

/**
 * Step decay: `rate * gamma^floor(epoch / stepSize)` for an epoch counted from 0 within its phase. PyTorch's StepLR
 * multiplies by gamma once at each boundary (torch/optim/lr_scheduler.py, `get_lr`), which rounds otherwise than a
 * power does; so the product is made in the same order here.
 */
export function scheduledRate(rate: number, schedule: ScheduleSpec, epoch: number): number {
  if (schedule.type !== 'step') return rate;
  const numDecays = Math.floor(epoch / schedule.stepSize);
  let decayed = rate;
  for (let i = 0; i < numDecays; i += 1) decayed *= schedule.gamma;
  return decayed;
}
