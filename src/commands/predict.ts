import { Args, Flags } from '@oclif/core';
import { BaseCommand, runsDirFlag } from '../cli/base-command.js';
import type { Prediction } from '../cli/inference-from-cli.js';
import { modelArg } from '../cli/model-arg.js';

export default class Predict extends BaseCommand {
  static override summary = "Classify images with a run's model.";
  static override description = `Reads only the run's model folder (model.onnx, labels.json, class-ids.json, preprocessing.json).

An image that cannot be used does not lose the results of the others; the exit code is then 3.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9 cat.png',
    '<%= config.bin %> <%= command.id %> runs/quickstart-20250131T142233Z-k3f9 *.jpg --top 1 --json',
    '<%= config.bin %> <%= command.id %> ./copied/model cat.png',
  ];
  static override args = {
    run: modelArg,
    image: Args.string({
      description: 'Image files (PNG, JPEG, WebP, TIFF, GIF or AVIF), or folders of them.',
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
    const { predictFromCli, predictionFailure, predictionLines } =
      await import('../cli/inference-from-cli.js');
    const predictions = await predictFromCli({
      run: args.run,
      runsDir: flags['runs-dir'],
      images: args.image,
      top: flags.top,
    });
    const failure = predictionFailure(predictions);
    if (failure !== undefined && predictions.length === 1 && !this.jsonEnabled()) throw failure;
    this.log(predictionLines(predictions).join('\n'));
    if (failure !== undefined) {
      if (!this.jsonEnabled()) throw failure;
      process.exitCode = failure.exitCode; // the results are the output: a second document would spoil it
    }
    return predictions;
  }
}
