import { parseArgs } from 'node:util';
import { FtctlError } from '../errors/index.js';
import { exitWithParent, type ParentChannel } from '../util/child-channel.js';
import { type Log, noLog, openLog } from '../util/log.js';
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
  const log: ChildLog = { current: null };
  const fail = async (thrown: unknown): Promise<never> => {
    const error = withStackKept(thrown, { argv: [role, ...argv], now: new Date() });
    const { code, remedy } = error;
    if (log.current === null) process.stderr.write(`${failureLines(error).join('\n')}\n`);
    else log.current.error(error.message, { code, remedy, error: thrown });
    await parent.failed(error.toJSON());
    process.exit(error.exitCode);
  };
  process.on('uncaughtException', (error) => void fail(error)); // also for unhandled rejections
  try {
    await runChild(role, argv, { parent, log, signal: controller.signal });
  } catch (thrown) {
    return fail(thrown);
  }
  process.exit(0);
}

/** A process's log, once it is open. */
interface ChildLog {
  current: Log | null;
}

/** The launcher sends stderr to the same file: Node's warnings become lines like all others, which say where. */
function openWorkerLog(path: string, rank: number): Log {
  const log = openLog({ path, rank });
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    log.warn(`${warning.name}: ${warning.message}`, { error: warning });
  });
  return log;
}

async function runChild(
  role: ChildRole,
  argv: readonly string[],
  { parent, log, signal }: { parent: ParentChannel; log: ChildLog; signal: AbortSignal },
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
  const { join, slot, log: logPath, run, provider, metrics } = options(argv, childOptions.worker);
  const rank = wholeNumber('--slot', required('--slot', slot));
  if (logPath !== undefined) log.current = openWorkerLog(logPath, rank);
  const { runWorker } = await import('../worker/worker.js');
  await runWorker({
    join: required('--join', join),
    token,
    slot: rank,
    log: log.current ?? noLog,
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
