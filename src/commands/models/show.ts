import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import type { ArchitectureReport } from '../../models/describe/architecture-report.js';

export default class ModelsShow extends BaseCommand {
  static override summary = 'Show the layers of an architecture.';
  static override description = `The modules as PyTorch prints them, with the shape of each output and its parameters, and what is frozen at
a split point, with the size of the features that are cached and of the gradient. With --classes also what the network is once its
classifier is replaced. Names are torchvision's: any of them can be a split point.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> resnet18',
    '<%= config.bin %> <%= command.id %> squeezenet1_0 --image-size 64 --classes 102',
    '<%= config.bin %> <%= command.id %> resnet50 --train layer4 --classes 102',
    "<%= config.bin %> <%= command.id %> resnet18 --train all --except '*.bn?.*'",
  ];
  static override args = {
    name: Args.string({ description: 'An architecture, or a family.', required: true }),
  };
  static override flags = {
    'image-size': Flags.integer({
      description: 'Side of the images in pixels; without it that of the published weights.',
      min: 1,
      helpValue: 'N',
    }),
    train: Flags.string({
      description:
        'Split point: `head` (the classifier alone), `all`, a layer or module, which is trained with what follows it, or a glob of parameter names, as in a phase of a run.',
      default: ['head'],
      helpValue: 'SPLIT',
      multiple: true,
      multipleNonGreedy: true,
    }),
    except: Flags.string({
      description: 'A layer, module or glob of parameter names that stays frozen all the same.',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
    }),
    classes: Flags.integer({
      description: 'Replace the classifier by one of so many classes.',
      min: 1,
      helpValue: 'K',
    }),
    width: Flags.string({
      description: 'Width multiplier of a mobilenet_v2.',
      default: '1',
      helpValue: 'W',
    }),
  };

  async run(): Promise<ArchitectureReport> {
    const { args, flags } = await this.parse(ModelsShow);
    const { reportArchitecture } = await import('../../models/describe/architecture-report.js');
    const { modelReport } = await import('../../cli/models-report.js');
    const { withFlags } = await import('../../cli/in-flags.js');
    const { report, lines } = withFlags(() =>
      reportArchitecture({
        architecture: args.name,
        width: Number(flags.width),
        imageSize: flags['image-size'],
        split: { train: flags.train, except: flags.except ?? [] },
        numClasses: flags.classes,
      }),
    );
    // Lines are only broken for a terminal: elsewhere the tree stays PyTorch's.
    const columns = process.stdout.isTTY ? process.stdout.columns : Infinity;
    this.log(modelReport(report, lines, columns).join('\n'));
    return report;
  }
}
