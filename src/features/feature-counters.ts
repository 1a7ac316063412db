import type { FeatureCounters } from './feature-source.js';

const names = [
  'rowsCached',
  'rowsComputed',
  'imagesDecoded',
  'imagesCached',
  'decodeNs',
  'augmentNs',
  'backboneNs',
] as const;

type CounterName = (typeof names)[number];

/** Counters that all threads of a source add to, in shared memory: reading them asks no thread. */
export class SharedCounters {
  readonly memory: SharedArrayBuffer;
  readonly #values: BigInt64Array;

  /** @param memory another thread's {@link SharedCounters.memory}; absent: new ones, at zero. */
  constructor(memory = new SharedArrayBuffer(8 * names.length)) {
    this.memory = memory;
    this.#values = new BigInt64Array(memory);
  }

  add(name: CounterName, amount: number): void {
    Atomics.add(this.#values, names.indexOf(name), BigInt(Math.round(amount)));
  }

  /** Adds the time from `startMs` to `endMs`, in milliseconds of one clock. */
  addTime(name: 'decodeNs' | 'augmentNs' | 'backboneNs', startMs: number, endMs: number): void {
    this.add(name, (endMs - startMs) * 1e6);
  }

  read(): FeatureCounters {
    const value = (name: CounterName): number =>
      Number(Atomics.load(this.#values, names.indexOf(name)));
    return {
      rowsCached: value('rowsCached'),
      rowsComputed: value('rowsComputed'),
      imagesDecoded: value('imagesDecoded'),
      imagesCached: value('imagesCached'),
      decodeSeconds: value('decodeNs') / 1e9,
      augmentSeconds: value('augmentNs') / 1e9,
      backboneSeconds: value('backboneNs') / 1e9,
    };
  }
}
