import { afterAll, beforeAll, expect, it } from 'vitest';
import { launched } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';
import { hasSqueezenetWeights, squeezenetWeights } from '../support/weights/real-weights.js';

let world: World;
beforeAll(async () => {
  world = await makeWorld({
    config: {
      seed: 3,
      model: { architecture: 'squeezenet', weights: squeezenetWeights },
      phases: [{ train: 'head', epochs: 12, optimizer: { type: 'adam', learningRate: 0.001 } }],
    },
  });
});
afterAll(() => world.remove());

it.skipIf(!hasSqueezenetWeights)(
  'pretrained squeezenet learns a convolution as its head, with the same bits on 1 and 3 workers',
  async () => {
    const args = [...world.args, '--set', 'data.imageSize=96'];
    const one = await launched([...args, '--workers', '1'], world.env);
    const three = await launched([...args, '--workers', '3'], world.env);
    expect(three).toMatchObject({ workers: 3, digest: one.digest, train: one.train, val: one.val });
    // Three hues: chance is 1/3.
    expect(one.best!.value).toBeGreaterThan(0.9);
    const other = await launched([...args, '--set', 'seed=4'], world.env);
    expect(other.digest).not.toBe(one.digest);
  },
);
