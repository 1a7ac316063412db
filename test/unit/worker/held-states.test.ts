import { expect, it } from 'vitest';
import { HeldStates } from '../../../src/worker/held-states.js';

const bytes = Uint8Array.of(1, 2);
const ref = { round: 4, hash: 'h' };

it('keeps one copy until it is on disk as everything that it was kept for', () => {
  const held = new HeldStates();
  held.keep({ ...ref, bytes }, ['best', 'checkpoint']);
  held.keep({ ...ref, bytes }, ['final']);
  held.drop(ref, 'best');
  held.drop(ref, 'final');
  held.drop(ref, 'final');
  expect(held.get(ref)).toBe(bytes);
  held.drop(ref, 'checkpoint');
  expect(held.get(ref)).toBeUndefined();
});

it('does not give a state of another hash for one of the same round', () => {
  const held = new HeldStates();
  held.keep({ ...ref, bytes }, ['final']);
  expect(held.get({ round: 4, hash: 'other' })).toBeUndefined();
  held.drop({ round: 4, hash: 'other' }, 'final');
  expect(held.get(ref)).toBe(bytes);
});
