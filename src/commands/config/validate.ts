import { BaseCommand, configArg, setFlag } from '../../cli/base-command.js';

export default class ConfigValidate extends BaseCommand {
  static override summary = 'Check a configuration without running it.';
  static override description =
    'Reports the first fault with its line, and all others; does not look at the data.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> flowers.yaml',
    '<%= config.bin %> <%= command.id %> flowers.yaml --set batch.size=64',
  ];
  static override args = { file: configArg };
  static override flags = { set: setFlag };

  async run(): Promise<{ valid: true; name: string }> {
    const { args, flags } = await this.parse(ConfigValidate);
    const { loadFromCli } = await import('../../cli/config-from-cli.js');
    const { spec } = await loadFromCli(args.file, flags.set ?? []);
    this.log(`${args.file ?? 'The quick start'} is valid.`);
    return { valid: true, name: spec.name };
  }
}
