import { Args, Flags } from '@oclif/core';
import { BaseCommand, configFlag, runsDirFlag, setFlag } from '../cli/base-command.js';
import type { FeaturesResult } from '../cli/features-from-cli.js';

export default class Features extends BaseCommand {
  static override summary =
    'Write what a layer of a pretrained network makes of a folder of images.';
  static override description = `The network, its weights and the size of the images are those of the configuration. Rows are in the order of the images'
paths, which a .safetensors file (tensor \`features\`) has in its metadata, and --json prints.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./photos --out photos.npy',
    '<%= config.bin %> <%= command.id %> ./photos --config flowers.yaml --layer layer3 --out photos.safetensors',
  ];
  static override args = {
    folder: Args.string({
      description: 'Its images, and those of the folders in it; or one image file.',
      required: true,
    }),
  };
  static override flags = {
    config: configFlag,
    set: setFlag,
    'runs-dir': runsDirFlag,
    layer: Flags.string({
      description:
        'A layer or module, as `ftctl models show NAME` prints them; without it the one that the classifier takes.',
      helpValue: 'NAME',
    }),
    out: Flags.string({
      char: 'o',
      description: 'Where to write them: FILE.npy or FILE.safetensors.',
      required: true,
      helpValue: 'FILE',
    }),
  };

  async run(): Promise<FeaturesResult> {
    const { args, flags } = await this.parse(Features);
    const { featuresFromCli } = await import('../cli/features-from-cli.js');
    const result = await featuresFromCli({
      folder: args.folder,
      layer: flags.layer,
      out: flags.out,
      config: flags.config,
      runsDir: flags['runs-dir'],
      sets: flags.set ?? [],
    });
    this.log(`${result.layer} [${result.shape.join(', ')}] in ${result.path}`);
    return result;
  }
}
