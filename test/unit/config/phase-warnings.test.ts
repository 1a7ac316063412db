import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScheduleSpec } from '../../../src/config/phase-spec.js';
import { phaseWarnings } from '../../../src/config/phase-warnings.js';
import { specWarnings } from '../../../src/models/spec-warnings.js';
import { isStopped } from '../../../src/train/early-stopping.js';
import { learningRateAt } from '../../../src/train/schedules/learning-rate.js';
import { smallPhase } from '../../support/train/small-run.js';
import { load, minimal } from './support.js';

const epochs = fc.integer({ min: 1, max: 9 });
const length = fc.integer({ min: 1, max: 9 });
const warmup = fc.option(
  fc.record({ epochs: fc.integer({ min: 1, max: 9 }), factor: fc.constant(0.5) }),
);
const plateau: Omit<Extract<ScheduleSpec, { type: 'plateau' }>, 'patience' | 'warmup'> = {
  ...{ type: 'plateau', metric: 'loss', factor: 0.5, threshold: 0, cooldown: 0, minRate: 0 },
};

/** Evaluations of a phase that never gets better. */
function flat(numEpochs: number) {
  return Array.from({ length: numEpochs }, () => ({ phase: 0, valLoss: 1, valAccuracy: 0.5 }));
}

/** Whether the schedule changes the rate of any epoch of a phase that never gets better. */
function changes(schedule: ScheduleSpec, numEpochs: number): boolean {
  const phases = [smallPhase({ schedule })];
  return flat(numEpochs).some((_, epochInPhase, history) => {
    if (epochInPhase < (schedule.warmup?.epochs ?? 0)) return false;
    const place = { phase: 0, epochInPhase, update: 0, updatesPerEpoch: 1 };
    return learningRateAt(phases, place, history) !== phases[0]!.optimizer.learningRate;
  });
}

describe('warnings of phases', () => {
  it('are of schedules that change no rate in the epochs of their phase, and of no others', () => {
    const schedule = fc.oneof(
      fc.record({
        type: fc.constant('step' as const),
        stepSize: length,
        gamma: fc.constant(0.5),
        warmup,
      }),
      fc.record({
        ...{ type: fc.constant('multistep' as const), gamma: fc.constant(0.5), warmup },
        milestones: length.map((milestone) => [milestone]),
      }),
      fc.record({ patience: fc.nat(9), warmup }).map((keys) => ({ ...plateau, ...keys })),
    );
    fc.assert(
      fc.property(schedule, epochs, (each, numEpochs) => {
        const phase = smallPhase({ schedule: each, epochs: numEpochs });
        expect(phaseWarnings([phase]).length > 0).toBe(!changes(each, numEpochs));
      }),
    );
  });

  it('are of early stopping that cannot stop before the last epoch, and of no other', () => {
    fc.assert(
      fc.property(length, epochs, (patience, numEpochs) => {
        const earlyStopping = { metric: 'loss', patience, minDelta: 0 } as const;
        const phase = smallPhase({
          ...{ schedule: { type: 'constant', warmup: null }, epochs: numEpochs },
          earlyStopping,
        });
        const canStop = isStopped(earlyStopping, flat(numEpochs - 1));
        expect(phaseWarnings([phase]).length > 0).toBe(!canStop);
      }),
    );
  });

  it('name the key, what it is, the epochs there are, and what follows', () => {
    const of = (change: Parameters<typeof smallPhase>[0]): string[] =>
      phaseWarnings([smallPhase({ epochs: 9 }), smallPhase({ epochs: 4, ...change })]);
    const factor = 0.5;
    expect(of({ schedule: { type: 'step', stepSize: 4, gamma: 0.1, warmup: null } })).toEqual([
      'phases.1.schedule.stepSize is 4, and phases.1 has 4 epochs: the learning rate is never reduced.',
    ]);
    const milestones = [1, 3, 7];
    const multistep = { type: 'multistep', milestones, gamma: 0.1 } as const;
    expect(of({ schedule: { ...multistep, warmup: { epochs: 1, factor } } })).toEqual([
      'phases.1.schedule.milestones has 3, 7, and phases.1 has 4 epochs, 1 of them for the warm-up: it ends before.',
    ]);
    expect(of({ schedule: { type: 'constant', warmup: { epochs: 4, factor } } })).toEqual([
      'phases.1.schedule.warmup.epochs is 4, and phases.1 has 4 epochs: the learning rate is not reached, and the schedule does not begin.',
    ]);
    const earlyStopping = { metric: 'loss', patience: 5, minDelta: 0 } as const;
    expect(of({ schedule: { ...plateau, patience: 10, warmup: null }, earlyStopping })).toEqual([
      'phases.1.schedule.patience is 10, and phases.1 has 4 epochs: the learning rate is never reduced.',
      'phases.1.earlyStopping.patience is 5, and phases.1 has 4 epochs: it cannot stop early.',
    ]);
  });

  it('are of exceptions that leave the classifier alone', async () => {
    const of = async (phase: string): Promise<string[]> =>
      specWarnings((await load(minimal, [`phases=[{epochs: 1, ${phase}}]`])).spec);
    expect(await of("train: all, except: '*'")).toEqual([
      'phases.0.except takes away all that phases.0.train (all) names but the classifier, which is trained alone, as with train: head.',
    ]);
    expect(await of('train: [layer3, layer4], except: [layer3, layer4]')).toHaveLength(1);
    expect(await of('train: all, except: layer1')).toEqual([]);
    expect(await of('train: head')).toEqual([]);
  });
});
