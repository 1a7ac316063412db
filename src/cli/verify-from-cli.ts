import type { LoadedConfig } from '../config/load.js';
import { runReference } from '../config/run-reference.js';
import type { RunSpec } from '../config/run-spec.js';
import { launch } from '../launch/launch.js';
import { findRunDifference } from '../launch/verify/run-difference.js';
import { makeVerifyFolder, removeIfEmpty } from '../launch/verify/verify-folder.js';
import { type RunToVerify, type Verification, verify } from '../launch/verify/verify.js';
import { findRun } from '../state/run-lookup.js';
import { quoted } from '../util/shell-quote.js';
import { loadFromCli } from './config-from-cli.js';
import { listenForInterrupts } from './interrupt.js';
import { openVerifyProgress } from './verify-progress.js';
import { runLine } from './verify-report.js';

export interface VerifyFlags {
  readonly config: string | undefined;
  readonly workers: readonly number[];
  readonly sets: readonly string[];
  readonly runsDir: string;
}

/**
 * Runs a configuration with each number of workers and compares the results, with progress on stderr and the two-step Ctrl-C. Rejects as
 * `verify` does, and with what is wrong with the configuration for any of the numbers before the first run.
 */
export async function verifyFromCli(flags: VerifyFlags): Promise<Verification> {
  const { runsDir } = flags;
  const { name, toRun } = await runsToVerify(flags);
  const progress = openVerifyProgress(process.stderr, process.env);
  const interrupts = listenForInterrupts((count) => {
    progress.note(
      count === 1
        ? 'Stopping the run at its next step; press Ctrl-C again to stop now.'
        : 'Stopping now.',
    );
  });
  try {
    const dir = await makeVerifyFolder(runsDir, name, new Date());
    try {
      return await verify(
        toRun,
        {
          ...{ dir, signal: interrupts.graceful, killSignal: interrupts.now },
          ...{ onEvent: progress.onEvent, again: verifyCommand(flags) },
          onRun: (run) => {
            progress.note(runLine(run));
          },
        },
        { launch, findDifference: findRunDifference },
      );
    } finally {
      await removeIfEmpty(dir);
    }
  } finally {
    interrupts.dispose();
    progress.close();
  }
}

/** Each with a name that says with how many workers it is; `name` is the configuration's own. */
async function runsToVerify(flags: VerifyFlags): Promise<{ name: string; toRun: RunToVerify[] }> {
  const plain: LoadedConfig[] = [];
  for (const workers of flags.workers)
    plain.push(await loadFromCli(flags.config, setsFor(flags, workers)));
  const { spec } = plain[0]!;
  const weights = await weightsSets(spec, flags.runsDir);
  const toRun: RunToVerify[] = [];
  for (const workers of flags.workers) {
    const sets = [...setsFor(flags, workers), `name=${runName(spec.name, workers)}`, ...weights];
    toRun.push({ workers, config: await loadFromCli(flags.config, sets) });
  }
  return { name: spec.name, toRun };
}

/** What a configuration's name may have at most. */
const maxNameLength = 63;

function runName(name: string, workers: number): string {
  const end = `-${workers}-${workers === 1 ? 'worker' : 'workers'}`;
  return `${name.slice(0, maxNameLength - end.length)}${end}`;
}

function setsFor({ sets }: VerifyFlags, workers: number): string[] {
  return [...sets, `workers.count=${workers}`];
}

/** Runs whose weights are asked for by id are not beside the runs of a verification, which have a folder of their own. */
async function weightsSets({ model }: RunSpec, runsDir: string): Promise<string[]> {
  const reference = 'onnx' in model ? null : runReference(model.weights);
  if (reference === null) return [];
  const run = await findRun(runsDir, reference.run);
  return [`model.weights=${JSON.stringify(`run:${run}@${reference.state}`)}`];
}

/** The command line that these flags came from, to be typed again. */
function verifyCommand({ config, workers, sets, runsDir }: VerifyFlags): string {
  return [
    `ftctl verify --workers ${workers.join(',')}`,
    ...(config === undefined ? [] : [`--config ${quoted(config)}`]),
    ...sets.map((set) => `--set ${quoted(set)}`),
    ...(runsDir === 'runs' ? [] : [`--runs-dir ${quoted(runsDir)}`]),
  ].join(' ');
}
