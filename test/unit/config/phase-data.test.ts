import { describe, expect, it } from 'vitest';
import { checkPhasesOnData } from '../../../src/config/phase-data-checks.js';
import { locatedError } from '../../../src/config/problems.js';
import type { PhaseSpec } from '../../../src/config/run-spec.js';
import { FtctlError } from '../../../src/errors/index.js';
import { load, minimal } from './support.js';

type Checked = Pick<PhaseSpec, 'classWeights' | 'accumulate'>;

const plain: Checked = { classWeights: 'none', accumulate: 1 };
const data = { classNames: ['rose', 'tulip'], numBatches: 2 };

function errorOf(phases: readonly Checked[], facts = data): FtctlError {
  try {
    checkPhasesOnData(phases, facts);
  } catch (error) {
    return error as FtctlError;
  }
  throw new Error('The phases fit.');
}

describe('phases, once the data are known', () => {
  it('fit where each class is one of the data, and an epoch has an update', () => {
    checkPhasesOnData([plain, { classWeights: { tulip: 2 }, accumulate: 2 }], data);
    checkPhasesOnData([{ classWeights: 'balanced', accumulate: 1 }], data);
  });

  it('have no weight of a class that the data have not', () => {
    const error = errorOf([plain, { classWeights: { rose: 1, tulp: 2 }, accumulate: 1 }]);
    expect([error.code, error.message, error.remedy]).toEqual([
      'FT_CONFIG_INVALID_VALUE',
      'The configuration: phases.1.classWeights has the class "tulp". The classes of the data are rose, tulip.',
      'Did you mean tulip?',
    ]);
  });

  it('are not told hundreds of classes', () => {
    const classNames = Array.from({ length: 102 }, (_, i) => `class-${i}`);
    const error = errorOf([{ classWeights: { daisy: 2 }, accumulate: 1 }], { ...data, classNames });
    expect(error.message).toMatch(/class-18, class-19, 82 more\.$/);
    expect(error.remedy).toBe('Name a class as `ftctl data inspect` does.');
  });

  it('add up no more batches than an epoch has, and all faults are told', () => {
    const error = errorOf([{ classWeights: { x: 1 }, accumulate: 3 }]);
    const problems = error.details!['problems'] as { message: string; remedy: string }[];
    expect(problems).toHaveLength(2);
    expect(problems[1]).toMatchObject({
      message:
        'The configuration: phases.0.accumulate is 3, and an epoch has 2 batches. An update has batches of one epoch.',
      remedy: 'Set phases.0.accumulate to at most 2, or make batch.size smaller.',
    });
  });

  it('are told at their lines by whoever knows them, whatever process has found them', async () => {
    const text = minimal.replace(
      'epochs: 3',
      'epochs: 3\n    accumulate: 5\n    classWeights: { tulp: 2 }',
    );
    const { locate } = await load(text, ['phases.0.accumulate=3']);
    const found = errorOf([{ classWeights: { tulp: 2 }, accumulate: 3 }]).at({ phase: 'start' });
    const error = locatedError(FtctlError.fromJSON(found.toJSON()), locate);
    expect(error.message).toMatch(
      /run\.yaml:12:21: phases\.0\.classWeights has the class "tulp"\./,
    );
    expect([error.code, error.remedy, error.phase]).toEqual([
      'FT_CONFIG_INVALID_VALUE',
      'Did you mean tulip?',
      'start',
    ]);
    expect((error.details!['problems'] as { message: string }[])[1]!.message).toMatch(
      /^--set phases\.0\.accumulate=3: phases\.0\.accumulate is 3, /,
    );
  });

  it('are the only errors that lines are put into', () => {
    const error = new FtctlError('FT_DATA_ONE_CLASS', { what: 'The configuration: x.' });
    expect(locatedError(error, () => 'run.yaml:1:1')).toBe(error);
  });
});
