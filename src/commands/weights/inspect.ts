import { BaseCommand } from '../../cli/base-command.js';
import { integrityFlag, weightsArg } from '../../cli/weights-flags.js';
import type { WeightsReport } from '../../cli/weights-from-cli.js';

export default class WeightsInspect extends BaseCommand {
  static override summary = 'Say what a file of weights holds.';
  static override description =
    'Its format, its tensors with type and shape, and the architecture that they belong to. Nothing of it is executed.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> checkpoint.pth',
    '<%= config.bin %> <%= command.id %> torchvision:resnet18 --json',
  ];
  static override args = { weights: weightsArg };
  static override flags = { integrity: integrityFlag };

  async run(): Promise<WeightsReport> {
    const { args, flags } = await this.parse(WeightsInspect);
    const { inspectWeightsFromCli } = await import('../../cli/weights-from-cli.js');
    const { inspectionLines } = await import('../../cli/weights-report.js');
    const report = await inspectWeightsFromCli({
      weights: args.weights,
      integrity: flags.integrity,
    });
    this.log(inspectionLines(report).join('\n'));
    return report;
  }
}
