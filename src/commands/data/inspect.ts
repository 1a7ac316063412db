import { Args } from '@oclif/core';
import { BaseCommand, configFlag, setFlag } from '../../cli/base-command.js';
import type { DataReport } from '../../cli/data-from-cli.js';

export default class DataInspect extends BaseCommand {
  static override summary = 'Look through a data set before training on it.';
  static override description = `Reads and decodes every image: classes, counts in each split, sizes, formats, files that cannot be used, and
images that are there twice: above all in train and in val or test, where they make a score better than it is.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./photos',
    '<%= config.bin %> <%= command.id %> --config flowers.yaml --json',
    '<%= config.bin %> <%= command.id %> scans.csv --set data.split.groupBy=patient',
  ];
  static override args = {
    data: Args.string({
      description:
        'A folder, a .csv or .jsonl manifest, or an archive; without it the data of the configuration.',
    }),
  };
  static override flags = { config: configFlag, set: setFlag };

  async run(): Promise<DataReport> {
    const { args, flags } = await this.parse(DataInspect);
    const { inspectDataFromCli } = await import('../../cli/data-from-cli.js');
    const { dataReport } = await import('../../cli/data-report.js');
    const report = await inspectDataFromCli({
      data: args.data,
      config: flags.config,
      sets: flags.set ?? [],
    });
    this.log(
      dataReport(report, flags.config ?? null)
        .join('\n')
        .trimEnd(),
    );
    return report;
  }
}
