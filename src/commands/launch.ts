import { Flags } from '@oclif/core';
import { BaseCommand, runsDirFlag, setFlag } from '../cli/base-command.js';
import type { DryRunReport } from '../launch/dry-run.js';
import type { RunResult } from '../control/events.js';

export default class Launch extends BaseCommand {
  static override summary =
    'Train a classifier: start a coordinator and workers, and wait for the end.';
  static override description = `Without --config the packaged quick start is trained. Progress goes to stderr, the result to stdout.
Ctrl-C stops at the next step, with a checkpoint; a second Ctrl-C stops now.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> --workers 4',
    '<%= config.bin %> <%= command.id %> --config flowers.yaml --set phases.0.epochs=40',
    '<%= config.bin %> <%= command.id %> --config flowers.yaml --dry-run',
    '<%= config.bin %> <%= command.id %> --resume quickstart-20250131T142233Z-k3f9 --set phases.0.epochs=40',
  ];
  static override flags = {
    config: Flags.string({
      char: 'c',
      description: 'Configuration of the run; see docs/config.md.',
      helpValue: 'FILE',
    }),
    workers: Flags.integer({
      char: 'w',
      description: 'Number of worker processes; the same as --set workers.count=N.',
      helpValue: 'N',
      min: 1,
    }),
    set: setFlag,
    resume: Flags.string({
      description: "Go on with a run from its newest checkpoint, with the run's own configuration.",
      helpValue: 'RUN',
    }),
    'dry-run': Flags.boolean({
      description:
        'Prepare the run, do a few steps of each phase, and tell what it would cost: parameters, bytes, memory, time.',
      exclusive: ['resume'],
    }),
    'runs-dir': runsDirFlag,
  };

  async run(): Promise<RunResult | DryRunReport> {
    const { flags } = await this.parse(Launch);
    const { config, workers, resume } = flags;
    const sets = flags.set ?? [];
    const options = { config, workers, sets, resume, runsDir: flags['runs-dir'] };
    if (flags['dry-run']) {
      const { dryRunFromCli } = await import('../cli/dry-run-from-cli.js');
      const report = await dryRunFromCli(options);
      const { dryRunLines } = await import('../cli/dry-run-report.js');
      this.log(dryRunLines(report).join('\n'));
      return report;
    }
    const { launchFromCli } = await import('../cli/launch-from-cli.js');
    const { result, ...ended } = await launchFromCli(options);
    if (result.status === 'stopped') process.exitCode = 130;
    const { summaryLines } = await import('../cli/progress/summary.js');
    const { launchCommand } = await import('../cli/launch-command.js');
    const { programName } = await import('../cli/program-name.js');
    const program = programName(process.env);
    const again = launchCommand(options, program);
    this.log(summaryLines(result, { cwd: process.cwd(), program, again, ...ended }).join('\n'));
    return result;
  }
}
