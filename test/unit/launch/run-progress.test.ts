import { describe, expect, it } from 'vitest';
import type { RunEventBody } from '../../../src/control/events.js';
import { advance, noProgress } from '../../../src/launch/run-progress.js';

const after = (events: readonly RunEventBody[]) =>
  events.map((body) => ({ at: 0, ...body })).reduce(advance, noProgress);

const preparing: RunEventBody = {
  type: 'preparing',
  what: 'weights',
  message: 'Fetching',
  done: 0,
  total: 0,
  unit: 'bytes',
};
const joined = (slot: number): RunEventBody => ({
  type: 'worker-joined',
  slot,
  incarnation: 'a',
  pid: 1,
  host: 'h',
});
const generation = {
  type: 'generation',
  generation: '1.1',
  members: [{ rank: 0, slot: 3, firstShard: 0, numShards: 8 }],
  round: 0,
  reason: 'start',
} as const;
const step: RunEventBody = {
  type: 'step',
  round: 35,
  phase: 0,
  epoch: 1,
  epochs: 25,
  step: 11,
  steps: 23,
  loss: 1,
  accuracy: 0,
  learningRate: 1,
  imagesPerSecond: 1,
};

describe('where a run is', () => {
  it('is told in words that fit a sentence', () => {
    expect(after([]).where).toBe('while the run started');
    expect(after([preparing]).where).toBe('while it prepared the weights');
    expect(after([preparing, generation]).where).toBe('before its first step');
    expect(after([{ ...generation, round: 94 }]).where).toBe(
      'before its first step since the resume',
    );
    expect(after([generation, step]).where).toBe('at epoch 2 of 25, step 12 of 23');
  });

  it('does not fall back when something is prepared late', () => {
    expect(after([generation, step, preparing])).toMatchObject({
      phase: 'train',
      where: 'at epoch 2 of 25, step 12 of 23',
    });
  });

  it('stays where it was when its members change', () => {
    const change = { ...generation, members: [{ ...generation.members[0], slot: 5 }], round: 35 };
    const progress = after([generation, step, change]);
    expect(progress.where).toBe('at epoch 2 of 25, step 12 of 23');
    expect([...progress.ranks]).toEqual([[5, 0]]);
    expect(after([generation, { ...change, round: 0 }]).where).toBe('before its first step');
  });

  it('knows who has joined, and the rank of each slot', () => {
    const progress = after([joined(3), joined(5), generation]);
    expect([...progress.joined]).toEqual([3, 5]);
    expect([...progress.ranks]).toEqual([[3, 0]]);
  });
});
