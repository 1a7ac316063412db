import { Flags } from '@oclif/core';
import { BaseCommand, runsDirFlag } from '../cli/base-command.js';
import type { Evaluation } from '../cli/inference-from-cli.js';
import { modelArg } from '../cli/model-arg.js';

export default class Evaluate extends BaseCommand {
  static override summary = "Score a run's model on labelled images.";
  static override description =
    'Accuracy, precision, recall and F1 of each class, their mean, what was taken for what, and the worst mistakes. --json has all of it. Data with splits are scored on test if they have one, else on val, else as a whole; --split chooses. Data without splits are scored as a whole, with the images that a run may have been trained on.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9 --data ./photos',
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9 --split val',
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9 --data ./photos/test --mistakes 30 --confusion confusion.csv',
  ];
  static override args = { run: modelArg };
  static override flags = {
    'runs-dir': runsDirFlag,
    data: Flags.string({
      description:
        'A folder with one folder per class, or a .csv or .jsonl file with path and label; classes by the names that the run was trained on. Without it the data of the run, with its splits.',
      helpValue: 'PATH',
    }),
    split: Flags.option({
      description: 'What to score of data with splits; without it test, else val, else all.',
      options: ['train', 'val', 'test', 'all'] as const,
      helpValue: 'train|val|test|all',
    })(),
    'on-bad-file': Flags.option({
      description: 'What files mean that cannot be decoded: an error, or to go on without them.',
      options: ['fail', 'skip'] as const,
      default: 'fail' as const,
    })(),
    mistakes: Flags.integer({
      description: 'How many of the mistakes that the model was surest of to list.',
      default: 10,
      min: 0,
      helpValue: 'N',
    }),
    confusion: Flags.string({
      description: 'Write the confusion matrix to this CSV file.',
      helpValue: 'FILE',
    }),
  };

  async run(): Promise<Evaluation> {
    const { args, flags } = await this.parse(Evaluate);
    const { evaluateFromCli } = await import('../cli/inference-from-cli.js');
    const { evaluationReport } = await import('../cli/evaluation-report.js');
    const result = await evaluateFromCli({
      run: args.run,
      runsDir: flags['runs-dir'],
      data: flags.data,
      split: flags.split,
      onBadFile: flags['on-bad-file'],
      numMistakes: flags.mistakes,
      confusionPath: flags.confusion,
    });
    this.log(evaluationReport(result).join('\n').trimEnd());
    return result;
  }
}
