import { Config, Errors, run } from '@oclif/core';
import { failureJson, failureLines, withStackKept } from './failure.js';
import { programName } from './program-name.js';
import { drained, guardStreams } from './streams.js';
import { usageError } from './usage-error.js';

/**
 * The whole command line program: runs the command that `argv` names and ends the process with the exit code of the
 * table in `exit-codes.ts`. The one place where errors are printed. `root` is the package's folder.
 */
export async function main(argv: readonly string[], root: string): Promise<never> {
  guardStreams([process.stdout, process.stderr]);
  const config = await Config.load(root);
  const fail = (thrown: unknown): number => report(thrown, argv, config);
  process.on('uncaughtException', (error) => {
    process.exit(fail(error)); // also for unhandled rejections
  });
  try {
    await run([...argv], config);
  } catch (thrown) {
    process.exitCode = thrown instanceof Errors.ExitError ? thrown.oclif.exit : fail(thrown);
  }
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  // Explicit: a thread or socket that a failed command left open must not keep the process.
  process.exit();
}

/** Prints the failure, on stdout as JSON or on stderr for people, and gives the exit code. */
function report(thrown: unknown, argv: readonly string[], config: Config): number {
  const error = withStackKept(usageError(thrown, argv, config), {
    argv,
    now: new Date(),
  });
  if (wantsJson(argv)) {
    process.stdout.write(`${JSON.stringify(failureJson(error), null, 2)}\n`);
  } else {
    process.stderr.write(`${failureLines(error, programName(process.env)).join('\n')}\n`);
  }
  return error.exitCode;
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? undefined : end).includes('--json');
}
