import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * A Python process that judges: it takes one request a line and gives one answer a line, both JSON, until its input ends. Large values
 * go to and fro as files of a folder.
 */
export class JudgeProcess {
  readonly dir = mkdtempSync(join(tmpdir(), 'ftctl-judge-'));
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(python: string, script: string) {
    this.#child = spawn(python, ['-W', 'ignore', script]);
    this.#child.stderr.pipe(process.stderr);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The answer to a request. Rejects with what the judge says where it cannot answer. */
  async ask(what: string, request: Readonly<Record<string, unknown>>): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify({ what, dir: this.dir, ...request })}\n`);
    const line = await this.#answers.next();
    if (line.done === true) throw new Error(`the judge ended with ${this.#child.exitCode}`);
    const answer = JSON.parse(line.value) as { error?: string };
    if (answer.error !== undefined) throw new Error(`the judge says: ${answer.error}`);
    return answer;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  give(name: string, bytes: Uint8Array | Float32Array): void {
    writeFileSync(this.path(name), bytes);
  }

  /** One file of several parts, one after the other. */
  giveParts(name: string, parts: readonly Float32Array[]): void {
    const file = openSync(this.path(name), 'w');
    try {
      for (const part of parts) writeFileSync(file, part);
    } finally {
      closeSync(file);
    }
  }

  floats(name: string): Float32Array {
    const bytes = readFileSync(this.path(name));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }

  /** The bytes of a file, which is removed. */
  take(name: string): Buffer {
    const bytes = readFileSync(this.path(name));
    rmSync(this.path(name));
    return bytes;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    await ended;
    rmSync(this.dir, { recursive: true, force: true });
  }
}
