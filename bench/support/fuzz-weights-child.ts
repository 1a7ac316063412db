/** Reads mutated files and tells how far it is; its parent watches its memory and its silence. */
import { fuzzOne, type FuzzCase } from '../../test/support/weights/fuzz.js';
import { seedFiles } from '../../test/support/weights/seed-files.js';

export interface FuzzReport {
  /** Mutants below this number are done. */
  readonly done: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly slowest: { readonly number: number; readonly milliseconds: number };
  readonly largestBytes: number;
  /** The most until now. */
  readonly rssBytes: number;
}

/** Few enough that a hang is soon found, and where. */
const reportEvery = 20;

const [seed, first, end] = process.argv.slice(2).map(Number) as [number, number, number];
const seeds = seedFiles();
const outcomes: Record<string, number> = {};
let slowest = { number: first, milliseconds: 0 };
let largestBytes = 0;

function report(done: number): void {
  const message: FuzzReport = {
    ...{ done, outcomes, slowest, largestBytes },
    // The most that there ever was, also while a file was read: in KiB.
    rssBytes: process.resourceUsage().maxRSS * 1024,
  };
  process.send!(message);
}

function run(number: number): void {
  const { outcome, numBytes, milliseconds }: FuzzCase = fuzzOne(seeds, seed, number);
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  largestBytes = Math.max(largestBytes, numBytes);
  if (milliseconds > slowest.milliseconds) slowest = { number, milliseconds };
}

for (let number = first; number < end; number++) {
  run(number);
  if (number % reportEvery !== reportEvery - 1) continue;
  report(number + 1);
  // A turn of the event loop, so that the message leaves.
  await new Promise((resolve) => setImmediate(resolve));
}
report(end);
process.disconnect();
