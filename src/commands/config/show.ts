import { BaseCommand, configArg, setFlag } from '../../cli/base-command.js';
import type { UserConfigInput } from '../../config/schema.js';

export default class ConfigShow extends BaseCommand {
  static override summary =
    'Print the effective configuration: every key, defaults filled in, paths absolute.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> flowers.yaml --set data.views=4',
  ];
  static override args = { file: configArg };
  static override flags = { set: setFlag };

  async run(): Promise<UserConfigInput> {
    const { args, flags } = await this.parse(ConfigShow);
    const { loadFromCli } = await import('../../cli/config-from-cli.js');
    const { toDocument } = await import('../../config/document.js');
    const { spec, yaml } = await loadFromCli(args.file, flags.set ?? []);
    this.log(yaml.trimEnd());
    return toDocument(spec);
  }
}
