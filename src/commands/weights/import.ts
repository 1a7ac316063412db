import { Flags } from '@oclif/core';
import { BaseCommand } from '../../cli/base-command.js';
import {
  integrityFlag,
  meanFlag,
  stdFlag,
  weightsArg,
  widthFlag,
} from '../../cli/weights-flags.js';
import type { ImportedWeights } from '../../cli/weights-from-cli.js';

export default class WeightsImport extends BaseCommand {
  static override summary = 'Check weights against an architecture and keep them in the cache.';
  static override description = `They are kept as safetensors, with what belongs to them: the network and how images are normalised for it.
Prints what to write in a configuration to use them.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> checkpoint.pth --architecture resnet50',
    '<%= config.bin %> <%= command.id %> tfjs/model.json --architecture mobilenet_v2 --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5',
  ];
  static override args = { weights: weightsArg };
  static override flags = {
    architecture: Flags.string({
      description: 'The network that the weights are of; `ftctl models list` names them.',
      required: true,
      helpValue: 'NAME',
    }),
    width: widthFlag(),
    integrity: integrityFlag,
    mean: meanFlag({
      description: 'Means that images are normalised with, of pixels / 255.',
      dependsOn: ['std'],
    }),
    std: stdFlag({
      description: 'Standard deviations that images are normalised with, of pixels / 255.',
      dependsOn: ['mean'],
    }),
  };

  async run(): Promise<ImportedWeights> {
    const { args, flags } = await this.parse(WeightsImport);
    const { importWeightsFromCli } = await import('../../cli/weights-from-cli.js');
    const { importLines } = await import('../../cli/weights-report.js');
    const imported = await importWeightsFromCli({
      weights: args.weights,
      integrity: flags.integrity,
      architecture: flags.architecture,
      width: flags.width,
      mean: flags.mean,
      std: flags.std,
    });
    this.log(importLines(imported).join('\n'));
    return imported;
  }
}
