import { drawKeys, repeatsOf } from './repeats.js';
import { CounterRng, hash32 } from './rng.js';

/** What mixup's draws depend on beside the samples. */
export interface MixupKey {
  readonly seed: number;
  readonly step: number;
  /** Of Beta(alpha, alpha), above 0. */
  readonly alpha: number;
}

/** Legend: S shards, B rows of each. A row becomes lambda * itself + (1 - lambda) * its partner. */
export interface MixupDraws {
  /** Places in the row's own shard: a permutation of its rows. */
  readonly partners_SB: Int32Array;
  readonly lambdas_SB: Float32Array;
}

/**
 * Whom each row is mixed with, and how much of it stays (mixup: Zhang, Cisse, Dauphin and Lopez-Paz, ICLR 2018): a random permutation of
 * each microbatch, and a lambda for each row. A row's draws depend on the seed, the step and the samples of its microbatch, not on the other
 * shards. `samples`: the id of each row's sample; '' for padding, which is its own partner. A row that is its own partner has lambda 1.
 */
export function drawMixup(
  samples: readonly string[],
  rowsPerShard: number,
  { seed, step, alpha }: MixupKey,
): MixupDraws {
  const partners_SB = Int32Array.from(samples, (_, row) => row % rowsPerShard);
  const lambdas_SB = new Float32Array(samples.length).fill(1);
  const repeats = repeatsOf(samples);
  const keysOf = (row: number) => drawKeys(samples[row]!, repeats[row]!);
  for (let first = 0; first < samples.length; first += rowsPerShard) {
    const rows = Array.from({ length: rowsPerShard }, (_, row) => row).filter(
      (row) => samples[first + row] !== '',
    );
    // Rows in the order of independent draws are a random permutation of them.
    const keys = rows.map((row) => hash32(seed, 'mixup-order', step, ...keysOf(first + row)));
    const order = rows.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
    for (const [i, row] of rows.entries()) {
      const partner = rows[order[i]!]!;
      if (partner === row) continue;
      const rng = new CounterRng(seed, 'mixup-lambda', step, ...keysOf(first + row));
      partners_SB[first + row] = partner;
      lambdas_SB[first + row] = symmetricBeta(alpha, rng.uniform(0), rng.uniform(1));
    }
  }
  return { partners_SB, lambdas_SB };
}

/**
 * A draw of Beta(alpha, alpha) from two uniform ones in [0, 1), for any alpha above 0, without rejection. With n = 2 alpha, Bailey's polar
 * method ("Polar generation of random variates with the t-distribution", Mathematics of Computation 62, 1994) makes
 * t = sqrt(n (u^(-2/n) - 1)) cos(2 pi v) of Student's t-distribution with n degrees of freedom, and 1/2 + t / (2 sqrt(n + t^2)) is
 * beta-distributed (Devroye, "Random variate generation in one line of code", 1996, section 4).
 */
export function symmetricBeta(alpha: number, u: number, v: number): number {
  const cosine = Math.cos(2 * Math.PI * v);
  // t^2 / n; 1 - u is in (0, 1]. It may be infinite, for a small alpha, and then the draw is 0 or 1.
  const ratio = ((1 - u) ** (-1 / alpha) - 1) * cosine * cosine;
  return 0.5 + (Math.sign(cosine) * 0.5) / Math.sqrt(1 + 1 / ratio);
}
