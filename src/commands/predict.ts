import { Args, Flags } from '@oclif/core';
import { BaseCommand, runArg, runsDirFlag } from '../cli/base-command.js';
import type { Prediction } from '../cli/inference-from-cli.js';

export default class Predict extends BaseCommand {
  static override summary = "Classify images with a run's model.";
  static override description = `Reads only the run's model folder (model.onnx, labels.json, class-ids.json, preprocessing.json).`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9 cat.png',
    '<%= config.bin %> <%= command.id %> runs/quickstart-20250131T142233Z-k3f9 *.jpg --top 1 --json',
  ];
  static override args = {
    run: runArg,
    image: Args.string({
      description: 'Image files: PNG, JPEG, WebP, TIFF, GIF or AVIF.',
      required: true,
      multiple: true,
    }),
  };
  static override flags = {
    'runs-dir': runsDirFlag,
    top: Flags.integer({
      description: 'How many of the likeliest classes to give for each image.',
      default: 5,
      min: 1,
      helpValue: 'N',
    }),
  };

  async run(): Promise<Prediction[]> {
    const { args, flags } = await this.parse(Predict);
    const { predictFromCli, predictionLines } = await import('../cli/inference-from-cli.js');
    const predictions = await predictFromCli({
      run: args.run,
      runsDir: flags['runs-dir'],
      images: args.image,
      top: flags.top,
    });
    this.log(predictionLines(predictions).join('\n'));
    return predictions;
  }
}
