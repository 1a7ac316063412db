import { BaseCommand, configFlag, runsDirFlag, setFlag } from '../cli/base-command.js';
import { workersListFlag } from '../cli/workers-flag.js';
import type { Verification } from '../launch/verify/verify.js';

export default class Verify extends BaseCommand {
  static override summary = 'Train with several numbers of workers, and compare the bits.';
  static override description = `Runs the configuration once with each number of workers, one run after the other, in a folder of their own below --runs-dir.
Different digests are an error, which names the first round and the first tensor that differ. Ctrl-C stops.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> --workers 1,2,3',
    '<%= config.bin %> <%= command.id %> --workers 1,2,3 --config flowers.yaml --set training.limitBatches=10',
  ];
  static override flags = {
    config: configFlag,
    workers: workersListFlag(),
    set: setFlag,
    'runs-dir': runsDirFlag,
  };

  async run(): Promise<Verification> {
    const { flags } = await this.parse(Verify);
    const { verifyFromCli } = await import('../cli/verify-from-cli.js');
    const { config, workers } = flags;
    const found = await verifyFromCli({
      ...{ config, workers, sets: flags.set ?? [], runsDir: flags['runs-dir'] },
    });
    const { verifyLines, differsError } = await import('../cli/verify-report.js');
    const columns = process.stdout.isTTY ? process.stdout.columns || Infinity : Infinity;
    this.log(verifyLines(found, { cwd: process.cwd(), columns }).join('\n'));
    if (!found.equal) throw differsError(found);
    return found;
  }
}
