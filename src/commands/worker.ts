import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';

/** `bin/run.js` starts this without the command tree, which is slow; here are its help and its flags. */
export default class Worker extends BaseCommand {
  static override hidden = true;
  static override summary = 'A worker process; `launch` starts them.';
  static override description =
    'The join token is taken from the environment variable FTCTL_TOKEN.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --join 127.0.0.1:40123 --slot 0',
  ];
  static override flags = {
    join: Flags.string({
      description: "The coordinator's address.",
      required: true,
      helpValue: 'HOST:PORT',
    }),
    slot: Flags.integer({
      description: 'Number of this worker among those of the launch, from 0.',
      required: true,
      min: 0,
      helpValue: 'N',
    }),
    run: Flags.string({ description: "The run's id, for metrics.", helpValue: 'ID' }),
    provider: Flags.string({
      description: 'What the network runs on.',
      options: ['cpu', 'cuda', 'webgpu'],
      default: 'cpu',
    }),
    metrics: Flags.string({
      description: 'Address to serve metrics on; without it none are served.',
      helpValue: 'HOST:PORT',
    }),
    log: Flags.string({
      description: 'Log file; without it the log goes to stderr.',
      helpValue: 'FILE',
    }),
  };

  async run(): Promise<void> {
    await this.parse(Worker);
    const { childMain } = await import('../cli/child.js');
    await childMain('worker', this.argv);
  }
}
