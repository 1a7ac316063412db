import { Flags } from '@oclif/core';
import { BaseCommand, runsDirFlag } from '../cli/base-command.js';
import type { Evaluation } from '../cli/inference-from-cli.js';
import { modelArg } from '../cli/model-arg.js';

export default class Evaluate extends BaseCommand {
  static override summary = "Score a run's model on labelled images.";
  static override examples = [
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9 --data ./photos',
  ];
  static override args = { run: modelArg };
  static override flags = {
    'runs-dir': runsDirFlag,
    data: Flags.string({
      description:
        'A folder with one folder per class, or a .csv or .jsonl file with path and label; classes by the names that the run was trained on.',
      required: true,
      helpValue: 'PATH',
    }),
  };

  async run(): Promise<Evaluation> {
    const { args, flags } = await this.parse(Evaluate);
    const { evaluateFromCli, evaluationLine } = await import('../cli/inference-from-cli.js');
    const result = await evaluateFromCli({
      run: args.run,
      runsDir: flags['runs-dir'],
      data: flags.data,
    });
    this.log(evaluationLine(result));
    return result;
  }
}
