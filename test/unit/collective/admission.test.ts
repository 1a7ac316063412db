import { describe, expect, it } from 'vitest';
import { admit } from '../../../src/collective/admission.js';
import { generationOf } from './generations.js';

const request = {
  generation: { term: 1, number: 1 },
  receiver: 'worker-1',
  sender: 'worker-0',
};
const known = { self: 'worker-0', generations: [generationOf([1, 1])], lost: new Map() };

describe('a receiver that calls', () => {
  it('is accepted as a member of an open generation', () => {
    expect(admit(request, known).outcome).toBe('accept');
    // Also for a newer generation: the pair is the same.
    const newer = { ...request, generation: { term: 1, number: 2 } };
    expect(admit(newer, known).outcome).toBe('accept');
  });

  it('waits while this worker has no generation, or the generation is newer', () => {
    expect(admit(request, { self: undefined, generations: [], lost: new Map() })).toEqual({
      outcome: 'wait',
      reason: 'no generation is open',
    });
    const newcomer = { ...request, generation: { term: 1, number: 2 }, receiver: 'worker-9' };
    expect(admit(newcomer, known)).toEqual({
      outcome: 'wait',
      reason: 'its generation is newer than those open',
    });
  });

  it('whose streams were lost is refused, and waits with a newer generation', () => {
    const afterLoss = { ...known, lost: new Map([['worker-1', 'the connection was reset']]) };
    expect(admit(request, afterLoss)).toEqual({
      outcome: 'refuse',
      reason: 'the streams with it were given up (the connection was reset)',
    });
    const newer = { ...request, generation: { term: 1, number: 2 } };
    expect(admit(newer, afterLoss)).toEqual({
      outcome: 'wait',
      reason: 'its generation is newer than those open',
    });
  });

  it('is refused as a stranger, at a wrong address, and as the worker itself', () => {
    expect(admit({ ...request, receiver: 'stranger' }, known)).toEqual({
      outcome: 'refuse',
      reason: 'incarnation stranger is not a member',
    });
    expect(admit({ ...request, sender: 'worker-7' }, known)).toEqual({
      outcome: 'refuse',
      reason: 'incarnation worker-7 is not at this address',
    });
    expect(admit({ ...request, receiver: 'worker-0' }, known)).toEqual({
      outcome: 'refuse',
      reason: 'worker-0 is the incarnation called',
    });
  });
});
