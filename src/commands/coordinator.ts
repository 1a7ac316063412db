import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';

/** `bin/run.js` starts this without the command tree, which is slow; here are its help and its flags. */
export default class Coordinator extends BaseCommand {
  static override hidden = true;
  static override summary = "A run's coordinator process; `launch` starts it.";
  static override description =
    'The join token is taken from the environment variable FTCTL_TOKEN.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --run-dir runs/quickstart-20250131T142233Z-k3f9',
  ];
  static override flags = {
    'run-dir': Flags.string({
      description: "The run's folder.",
      required: true,
      helpValue: 'DIR',
    }),
  };

  async run(): Promise<void> {
    await this.parse(Coordinator);
    const { childMain } = await import('../cli/child.js');
    await childMain('coordinator', this.argv);
  }
}
