import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A TypeScript module in a process of its own, spoken to by lines. */
export class Child {
  readonly process: ChildProcess;
  /** Exit code, or the signal that ended it. */
  readonly exit: Promise<number | string>;
  readonly #lines: AsyncIterator<string>;

  constructor(moduleUrl: URL, args: readonly string[] = []) {
    const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(moduleUrl), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.process = child;
    this.exit = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        resolve(code ?? signal ?? 'unknown');
      });
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('The child ended its output.');
    return next.value;
  }

  write(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exit;
  }
}
