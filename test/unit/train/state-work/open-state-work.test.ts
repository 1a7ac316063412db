import { expect, it } from 'vitest';
import { hasStateThread } from '../../../../src/train/state-work/open-state-work.js';

it('gives a thread to large states, as far as an address of 32 bits reaches them', () => {
  // A classifier of 16 classes behind resnet18 512 * 16 + 16; a whole resnet18; four arrays of 2^28 values are 4 GiB, and a block comes on top.
  expect([8208, 11_689_512, 2 ** 28].map(hasStateThread)).toEqual([false, true, false]);
});
