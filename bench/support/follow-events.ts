import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { RunEvent } from '../../src/control/events.js';

/** Between two looks at the file. */
const everyMs = 5;

/** Reads the events of the only run below `runs` as they are written. Returns what ends it. */
export function followEvents(runs: string, onEvent: (event: RunEvent) => void): () => void {
  const followed = ['events.jsonl', 'metrics.jsonl'].map((name) => new Followed(runs, name));
  const timer = setInterval(() => {
    for (const each of followed) each.read(onEvent);
  }, everyMs);
  return () => {
    clearInterval(timer);
    for (const each of followed) each.close();
  };
}

/** Steps are in `metrics.jsonl`, all others in `events.jsonl`; both have epochs. */
class Followed {
  readonly #runs: string;
  readonly #name: string;
  readonly #buffer = Buffer.alloc(1 << 16);
  #file: number | undefined;
  #rest = '';

  constructor(runs: string, name: string) {
    this.#runs = runs;
    this.#name = name;
  }

  read(onEvent: (event: RunEvent) => void): void {
    this.#file ??= this.#open();
    if (this.#file === undefined) return;
    for (;;) {
      const numBytes = readSync(this.#file, this.#buffer, 0, this.#buffer.length, null);
      if (numBytes === 0) return;
      const lines = (this.#rest + this.#buffer.toString('utf8', 0, numBytes)).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) onEvent(JSON.parse(line) as RunEvent);
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #open(): number | undefined {
    const path = readdirSync(this.#runs)
      .map((run) => join(this.#runs, run, this.#name))
      .find((each) => existsSync(each));
    return path === undefined ? undefined : openSync(path, 'r');
  }
}
