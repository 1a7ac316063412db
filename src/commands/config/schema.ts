import { BaseCommand } from '../../cli/base-command.js';

export default class ConfigSchema extends BaseCommand {
  static override summary = 'Print the JSON Schema of configurations, for editors.';
  static override examples = ['<%= config.bin %> <%= command.id %> > ftctl.schema.json'];

  async run(): Promise<Record<string, unknown>> {
    await this.parse(ConfigSchema);
    const { jsonSchema } = await import('../../config/reference.js');
    const schema = jsonSchema();
    this.log(JSON.stringify(schema, null, 2));
    return schema;
  }
}
