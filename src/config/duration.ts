const milliseconds = { ms: 1, s: 1000, m: 60_000 } as const;

/** `300 ms`, `2.5s`, `1 m`. */
export const durationPattern = /^(\d+(?:\.\d+)?) ?(ms|s|m)$/;

/** Milliseconds of a duration as a user writes it. Throws a RangeError where it is none. */
export function parseDuration(text: string): number {
  const match = durationPattern.exec(text);
  if (match === null) throw new RangeError(`${text} is no duration.`);
  return Number(match[1]) * milliseconds[match[2] as keyof typeof milliseconds];
}

/** A duration in the largest unit that it is a whole number of. */
export function formatDuration(ms: number): string {
  if (ms % milliseconds.m === 0) return `${ms / milliseconds.m} m`;
  return ms % milliseconds.s === 0 ? `${ms / milliseconds.s} s` : `${ms} ms`;
}
