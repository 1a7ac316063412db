import { BaseCommand, runsDirFlag } from '../cli/base-command.js';
import type { RunSummary } from '../state/run-summary.js';

export default class Runs extends BaseCommand {
  static override summary = 'List the runs, newest first.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];
  static override flags = { 'runs-dir': runsDirFlag };

  async run(): Promise<RunSummary[]> {
    const { flags } = await this.parse(Runs);
    const { RunFolder } = await import('../state/run-folder.js');
    const { runsTable } = await import('../cli/runs-table.js');
    const { programName } = await import('../cli/program-name.js');
    const runs = await RunFolder.list(flags['runs-dir']);
    const context = {
      runsDir: flags['runs-dir'],
      columns: process.stdout.isTTY ? process.stdout.columns || Infinity : Infinity,
      program: programName(process.env),
    };
    this.log(runsTable(runs, context).join('\n'));
    return runs;
  }
}
