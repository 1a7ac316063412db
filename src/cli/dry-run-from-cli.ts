import type { DryRunReport } from '../launch/dry-run.js';
import { dryRun } from '../launch/dry-run.js';
import { loadFromCli } from './config-from-cli.js';
import { interruptible } from './interruptible.js';
import type { LaunchFlags } from './launch-command.js';
import { openDisplay } from './progress/display.js';

/** What a launch with these flags would cost; progress goes to stderr. Rejects as `launch` does with what it refuses. */
export async function dryRunFromCli(
  flags: Pick<LaunchFlags, 'config' | 'sets' | 'workers' | 'runsDir'>,
): Promise<DryRunReport> {
  const { config: path, sets, workers, runsDir } = flags;
  const config = await loadFromCli(path, [
    ...sets,
    ...(workers === undefined ? [] : [`workers.count=${workers}`]),
  ]);
  const display = openDisplay(process.stderr, process.env);
  try {
    return await interruptible((signal) =>
      dryRun(config, {
        ...{ signal, runsDir },
        onEvent: (event) => {
          display.onEvent({ ...event, at: Date.now() });
        },
        onPhase: (phase) => {
          display.note(`Measuring phase ${phase + 1} of ${config.spec.phases.length} ...`);
        },
      }),
    );
  } finally {
    display.close();
  }
}
