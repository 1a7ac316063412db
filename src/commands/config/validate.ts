import { BaseCommand, configArg, runsDirFlag, setFlag } from '../../cli/base-command.js';

export default class ConfigValidate extends BaseCommand {
  static override summary = 'Check a configuration without running it.';
  static override description =
    'Reports the first fault with its line, and all others, and warns of files and folders that are not there (it does not look into them) and of what the epochs of a phase never reach. A run whose weights are asked for must be there.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> flowers.yaml',
    '<%= config.bin %> <%= command.id %> flowers.yaml --set batch.size=64',
  ];
  static override args = { file: configArg };
  static override flags = { set: setFlag, 'runs-dir': runsDirFlag };

  async run(): Promise<{ valid: true; name: string; warnings: string[] }> {
    const { args, flags } = await this.parse(ConfigValidate);
    const { checkRunOf, loadFromCli, warningsOf } = await import('../../cli/config-from-cli.js');
    const { spec } = await loadFromCli(args.file, flags.set ?? []);
    await checkRunOf(spec, flags['runs-dir']);
    const warnings = await warningsOf(spec);
    this.log(`${args.file ?? 'The quick start'} is valid.`);
    for (const warning of warnings) this.log(`  warning: ${warning}`);
    return { valid: true, name: spec.name, warnings };
  }
}
