import { BaseCommand } from '../../cli/base-command.js';
import type { ArchitectureSummary } from '../../models/describe/architecture-list.js';

export default class ModelsList extends BaseCommand {
  static override summary = 'List the architectures.';
  static override description =
    'Parameters, image size, number of features, multiply-adds for an image, and the weights that can be fetched.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  async run(): Promise<ArchitectureSummary[]> {
    await this.parse(ModelsList);
    const { listArchitectures } = await import('../../models/describe/architecture-list.js');
    const { modelsTable } = await import('../../cli/models-report.js');
    const architectures = listArchitectures();
    this.log(modelsTable(architectures).join('\n'));
    return architectures;
  }
}
