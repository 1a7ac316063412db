import { parseArgs } from 'node:util';
import { FtctlError } from '../errors/index.js';
import { exitWithParent, type ParentChannel } from '../util/child-channel.js';
import { failureLines, withStackKept } from './failure.js';

/** The processes that a launch starts. */
export type ChildRole = 'coordinator' | 'worker';

/** The flags of each, all with a value; the same as those of its command. */
export const childOptions = {
  coordinator: ['run-dir'],
  worker: ['join', 'slot', 'log', 'run', 'provider', 'metrics'],
} as const;

/**
 * The whole program of a coordinator or worker process: runs it and ends with the exit code of its failure, which it
 * tells its launcher and, on stderr, its log. Loads nothing but what the process itself needs, since several start at
 * once.
 */
export async function childMain(role: ChildRole, argv: readonly string[]): Promise<never> {
  const controller = new AbortController();
  const parent = exitWithParent(controller);
  const fail = async (thrown: unknown): Promise<never> => {
    const error = withStackKept(thrown, { argv: [role, ...argv], now: new Date() });
    process.stderr.write(`${failureLines(error).join('\n')}\n`);
    await parent.failed(error.toJSON());
    process.exit(error.exitCode);
  };
  process.on('uncaughtException', (error) => void fail(error)); // also for unhandled rejections
  try {
    await runChild(role, argv, parent, controller.signal);
  } catch (thrown) {
    return fail(thrown);
  }
  process.exit(0);
}

async function runChild(
  role: ChildRole,
  argv: readonly string[],
  parent: ParentChannel,
  signal: AbortSignal,
): Promise<void> {
  const token = required('The environment variable FTCTL_TOKEN', process.env['FTCTL_TOKEN']);
  if (role === 'coordinator') {
    const { 'run-dir': runDir } = options(argv, childOptions.coordinator);
    const { runCoordinator } = await import('../coordinator/coordinator.js');
    await runCoordinator({
      runDir: required('--run-dir', runDir),
      token,
      signal,
      onListening: (address) => {
        parent.listening(address);
      },
    });
    return;
  }
  const { join, slot, log, run, provider, metrics } = options(argv, childOptions.worker);
  const { runWorker } = await import('../worker/worker.js');
  await runWorker({
    join: required('--join', join),
    token,
    slot: wholeNumber('--slot', required('--slot', slot)),
    ...(log === undefined ? {} : { logPath: log }),
    runId: run ?? '',
    provider: providerOf(provider ?? 'cpu'),
    metrics: metrics === undefined ? null : addressOf('--metrics', metrics),
    signal,
  });
}

function providerOf(text: string): 'cpu' | 'cuda' | 'webgpu' {
  if (text === 'cpu' || text === 'cuda' || text === 'webgpu') return text;
  throw new FtctlError('FT_USAGE', {
    what: `--provider is ${text}; it must be cpu, cuda or webgpu.`,
  });
}

function addressOf(name: string, text: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  if (match !== null) return { host: match[1]!, port: Number(match[2]) };
  throw new FtctlError('FT_USAGE', { what: `${name} is ${text}; it must be HOST:PORT.` });
}

function options<K extends string>(
  argv: readonly string[],
  names: readonly K[],
): Partial<Record<K, string>> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
    });
    return values as Partial<Record<K, string>>;
  } catch (error) {
    throw new FtctlError('FT_USAGE', { what: (error as Error).message, cause: error });
  }
}

function required(name: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value;
  throw new FtctlError('FT_USAGE', {
    what: `${name} is missing.`,
    why: 'This process is one that `ftctl launch` starts.',
    remedy: 'Use `ftctl launch`.',
  });
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new FtctlError('FT_USAGE', { what: `${name} is ${text}; it must be a whole number.` });
}
