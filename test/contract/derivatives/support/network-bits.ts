import type { NetworkCase } from './network-case.js';

/** The outputs of a shard that have other bits in these companies than among all shards: `name of shard, in [company]`. */
export async function differingInCompany(
  network: NetworkCase,
  pass: 'gradient' | 'evaluation',
  companies: readonly (readonly number[])[],
): Promise<string[]> {
  const all = network.options.counts.map((_, shard) => shard);
  const together = await network.run(all, pass);
  const differing: string[] = [];
  for (const shards of companies) {
    const outputs = await network.run(shards, pass);
    if (Object.keys(outputs).join() !== Object.keys(together).join()) {
      throw new Error(`the outputs are ${Object.keys(outputs).join()}`);
    }
    for (const [name, values] of Object.entries(outputs)) {
      const length = values.length / shards.length;
      for (const [place, shard] of shards.entries()) {
        const isSame = bytes(values, place, length).equals(bytes(together[name]!, shard, length));
        if (!isSame) differing.push(`${name} of ${shard}, in [${shards.join()}]`);
      }
    }
  }
  return differing;
}

function bytes(values: Float32Array, place: number, length: number): Buffer {
  return Buffer.from(values.buffer, values.byteOffset + place * length * 4, length * 4);
}

/**
 * The gradients whose sum over the shards, a power of two, is not the fixed tree's sum of each shard's; and how many were given as
 * sums.
 */
export async function differingFromTreeSum(
  network: NetworkCase,
): Promise<{ readonly numSummed: number; readonly differing: string[] }> {
  const all = network.options.counts.map((_, shard) => shard);
  const each = await network.run(all, 'gradient');
  const summed = await network.run(all, 'gradient', true);
  const differing: string[] = [];
  let numSummed = 0;
  for (const [name, sum] of Object.entries(summed)) {
    const values = each[name]!;
    if (values.length === sum.length) continue;
    numSummed++;
    let level = all.map((_, shard) =>
      values.subarray(shard * sum.length, (shard + 1) * sum.length),
    );
    while (level.length > 1) {
      const next: Float32Array[] = [];
      for (let i = 0; i < level.length; i += 2) {
        next.push(level[i]!.map((value, k) => value + level[i + 1]![k]!));
      }
      level = next;
    }
    if (!bytes(level[0]!, 0, sum.length).equals(bytes(sum, 0, sum.length))) differing.push(name);
  }
  return { numSummed, differing };
}
