import { Flags } from '@oclif/core';
import { BaseCommand, runArg, runsDirFlag } from '../cli/base-command.js';

export default class Stop extends BaseCommand {
  static override summary = 'Stop a run that another process launched, with a checkpoint.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9',
  ];
  static override args = { run: runArg };
  static override flags = {
    'runs-dir': runsDirFlag,
    now: Flags.boolean({ description: 'Do not wait for the end of the step; no new checkpoint.' }),
  };

  async run(): Promise<{ runId: string; mode: 'graceful' | 'now' }> {
    const { args, flags } = await this.parse(Stop);
    const { stopRun } = await import('../cli/stop-run.js');
    const mode = flags.now ? 'now' : 'graceful';
    const runId = await stopRun(flags['runs-dir'], args.run, mode);
    this.log(`${runId} was told to stop${flags.now ? ' now' : ' at the next step'}.`);
    return { runId, mode };
  }
}
