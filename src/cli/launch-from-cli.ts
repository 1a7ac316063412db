import { join } from 'node:path';
import type { RunResult } from '../control/events.js';
import { launch } from '../launch/launch.js';
import { isModelFolder } from '../models/artifacts.js';
import { RunFolder } from '../state/run-folder.js';
import { loadFromCli } from './config-from-cli.js';
import { listenForInterrupts } from './interrupt.js';
import { launchCommand, type LaunchFlags } from './launch-command.js';
import { openDisplay } from './progress/display.js';
import type { SummaryContext } from './progress/summary.js';

/** How a launch ended, and what its summary has to know beside that. */
type LaunchEnd = { readonly result: RunResult } & Pick<
  SummaryContext,
  'isResumed' | 'hasModel' | 'lastPhase' | 'numEpochs'
>;

/** Launches a run with progress on stderr and the two-step Ctrl-C. Rejects with what `launch` rejects with. */
export async function launchFromCli(flags: LaunchFlags): Promise<LaunchEnd> {
  const { resume, runsDir } = flags;
  const path =
    flags.config ??
    (resume === undefined ? undefined : (await RunFolder.open(runsDir, resume)).configPath);
  const config = await loadFromCli(path, [
    ...flags.sets,
    ...(flags.workers === undefined ? [] : [`workers.count=${flags.workers}`]),
  ]);
  const display = openDisplay(process.stderr, process.env);
  const interrupts = listenForInterrupts((count) => {
    display.note(
      count === 1
        ? 'Stopping at the next step, with a checkpoint; press Ctrl-C again to stop now.'
        : 'Stopping now.',
    );
  });
  try {
    const result = await launch(config, {
      runsDir,
      ...(resume === undefined ? {} : { resume }),
      signal: interrupts.graceful,
      killSignal: interrupts.now,
      onEvent: display.onEvent,
      again: launchCommand(flags),
    });
    return {
      result,
      isResumed: resume !== undefined,
      hasModel: await isModelFolder(join(result.runDir, 'model')),
      lastPhase: config.spec.phases.length - 1,
      numEpochs: config.spec.phases.reduce((sum, { epochs }) => sum + epochs, 0),
    };
  } finally {
    interrupts.dispose();
    display.close();
  }
}
