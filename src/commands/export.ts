import { Flags } from '@oclif/core';
import { BaseCommand, runsDirFlag } from '../cli/base-command.js';
import type { ExportResult } from '../cli/export-from-cli.js';
import { modelArg } from '../cli/model-arg.js';

export default class Export extends BaseCommand {
  static override summary = "Write a run's model as one file, for PyTorch or an ONNX runtime.";
  static override description = `safetensors and pth are state dicts that torchvision's network of the same name and number of classes takes with
load_state_dict(strict=True). onnx takes images [N, 3, S, S], any N, and says its labels and its preprocessing in its metadata.

A network that pads as TensorFlow does, as the quick start's, can be written as onnx alone.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> flowers-20250131T142233Z-k3f9 --format pth',
    '<%= config.bin %> <%= command.id %> flowers --format onnx --out flowers.onnx',
  ];
  static override args = { run: modelArg };
  static override flags = {
    'runs-dir': runsDirFlag,
    format: Flags.option({
      description: 'What to write.',
      options: ['safetensors', 'onnx', 'pth'] as const,
      required: true,
    })(),
    out: Flags.string({
      char: 'o',
      description: "Where to write it; without it a file of the run's name in the current folder.",
      helpValue: 'FILE',
    }),
  };

  async run(): Promise<ExportResult> {
    const { args, flags } = await this.parse(Export);
    const { exportFromCli } = await import('../cli/export-from-cli.js');
    const result = await exportFromCli({
      runsDir: flags['runs-dir'],
      run: args.run,
      format: flags.format,
      out: flags.out,
    });
    this.log(result.path);
    return result;
  }
}
