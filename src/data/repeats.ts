import type { StreamKey } from './rng.js';

/**
 * How many rows before it are of the same sample, for each row of a batch; 0 for padding, which is ''. With `sampling: weighted` a
 * sample may be in a batch more than once. All of its rows are in the one shard that it belongs to, side by side, so that a part of the
 * shards says of each of them what the whole batch says.
 */
export function repeatsOf(samples: readonly string[]): Int32Array {
  const counts = new Map<string, number>();
  return Int32Array.from(samples, (sample) => {
    if (sample === '') return 0;
    const repeat = counts.get(sample) ?? 0;
    counts.set(sample, repeat + 1);
    return repeat;
  });
}

/** What a row's draws are keyed by: its sample, and if that is there again, how often it was there before. */
export function drawKeys(sample: string, repeat: number): StreamKey[] {
  return repeat === 0 ? [sample] : [sample, repeat];
}
