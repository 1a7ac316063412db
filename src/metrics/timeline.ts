/** What the step loop was doing or waiting for; every moment of its life is in exactly one. */
export const timeBuckets = [
  'data',
  'features',
  'gradients',
  'communicate',
  'wait',
  'update',
  'evaluate',
  'checkpoint',
  'recover',
  'idle',
] as const;

export type TimeBucket = (typeof timeBuckets)[number];

/** Port: attributes the step loop's wall clock to buckets. `enter` ends the bucket before it. */
export interface Timeline {
  enter(bucket: TimeBucket): void;
}

/** The timeline that keeps nothing. */
export const noTimeline: Timeline = { enter: () => undefined };
