/**
 * Reads mutated files of weights (zip, pickle, legacy, safetensors, ONNX; changed by structure and by byte) in a process whose heap
 * is limited and whose memory and silence are watched: none may crash it, hang it, or take more memory than the limit.
 *
 *     npx tsx bench/fuzz-weights.ts [--files 100000] [--seed 1] [--first 0] [--heap-mib 256] [--rss-mib 640] [--json]
 *
 * A failure names the mutant: `mutant(seedFiles(), SEED, NUMBER)` in test/support/weights/fuzz.ts makes it again.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FuzzReport } from './support/fuzz-weights-child.js';

const { values: flags } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    'heap-mib': { type: 'string', default: '256' },
    /** Node itself, with tsx, takes about 130. */
    'rss-mib': { type: 'string', default: '640' },
    json: { type: 'boolean', default: false },
  },
});
/** Twenty files take some milliseconds, or, with a bomb that is cut off among them, a second. */
const silenceLimitMs = 15_000;
const mib = 1024 * 1024;
const first = Number(flags.first);
const end = first + Number(flags.files);
const startedAt = performance.now();

const child = fork(
  fileURLToPath(new URL('support/fuzz-weights-child.ts', import.meta.url)),
  [flags.seed, String(first), String(end)],
  { execArgv: ['--import', 'tsx', `--max-old-space-size=${flags['heap-mib']}`] },
);
let last: FuzzReport | undefined;
let peakRssBytes = 0;
let heardAt = performance.now();
let failure: string | undefined;

function fail(message: string): void {
  failure ??= message;
  child.kill('SIGKILL');
}

const where = (): string => {
  const done = last?.done ?? first;
  return `among the mutants from ${done} on (seed ${flags.seed})`;
};
child.on('message', (message) => {
  last = message as FuzzReport;
  heardAt = performance.now();
  peakRssBytes = Math.max(peakRssBytes, last.rssBytes);
  if (peakRssBytes > Number(flags['rss-mib']) * mib) {
    fail(`${Math.round(peakRssBytes / mib)} MiB of memory were taken ${where()}.`);
  }
});
const watch = setInterval(() => {
  if (performance.now() - heardAt > silenceLimitMs) fail(`A file takes for ever ${where()}.`);
}, 500);
child.once('exit', (code, signal) => {
  clearInterval(watch);
  if (code !== 0) failure ??= `The process ended with ${code ?? signal} ${where()}.`;
  const seconds = (performance.now() - startedAt) / 1000;
  const summary = {
    files: (last?.done ?? first) - first,
    seed: Number(flags.seed),
    outcomes: last?.outcomes ?? {},
    seconds: Number(seconds.toFixed(1)),
    filesPerSecond: Math.round(((last?.done ?? first) - first) / seconds),
    slowest: last?.slowest,
    largestFileBytes: last?.largestBytes,
    peakRssMib: Math.round(peakRssBytes / mib),
    heapLimitMib: Number(flags['heap-mib']),
    node: process.version,
    failure: failure ?? null,
  };
  if (flags.json) console.log(JSON.stringify(summary));
  else
    for (const [key, value] of Object.entries(summary))
      console.log(`${key}: ${JSON.stringify(value)}`);
  process.exitCode = failure === undefined ? 0 : 1;
});
