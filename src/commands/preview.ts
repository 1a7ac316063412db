import { Args, Flags } from '@oclif/core';
import { BaseCommand, configFlag, setFlag } from '../cli/base-command.js';
import type { PreviewResult } from '../cli/data-from-cli.js';

export default class Preview extends BaseCommand {
  static override summary = 'Draw samples and their augmented views, to look at.';
  static override description = `Writes a PNG with a row for each sample: the plain view, as evaluation sees it, then the views that training sees in its
first epochs, with the same configuration and seed: with data.views they repeat. Classes take turns.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --config flowers.yaml --samples 12 --views 8 --out flowers.png',
    "<%= config.bin %> <%= command.id %> ./photos --set data.augment.hue=0.1 --set 'data.augment.randomResizedCrop={}'",
  ];
  static override args = {
    data: Args.string({
      description:
        'A folder, a .csv or .jsonl manifest, or an archive; without it the data of the configuration.',
    }),
  };
  static override flags = {
    config: configFlag,
    set: setFlag,
    out: Flags.string({
      char: 'o',
      description: 'Where to write the picture.',
      default: 'preview.png',
      helpValue: 'FILE',
    }),
    split: Flags.option({
      description: 'Which samples to draw.',
      options: ['train', 'val', 'test'] as const,
      default: 'train' as const,
    })(),
    samples: Flags.integer({
      description: 'Rows: number of samples.',
      default: 8,
      min: 1,
      max: 100,
      helpValue: 'N',
    }),
    views: Flags.integer({
      description: 'Columns beside the plain view: the views of the first N epochs.',
      default: 6,
      min: 0,
      max: 40,
      helpValue: 'N',
    }),
  };

  async run(): Promise<PreviewResult> {
    const { args, flags } = await this.parse(Preview);
    const { previewFromCli } = await import('../cli/data-from-cli.js');
    const { previewLines } = await import('../cli/data-report.js');
    const result = await previewFromCli({
      data: args.data,
      config: flags.config,
      sets: flags.set ?? [],
      out: flags.out,
      split: flags.split,
      numSamples: flags.samples,
      numViews: flags.views,
    });
    this.log(previewLines(result).join('\n'));
    return result;
  }
}
