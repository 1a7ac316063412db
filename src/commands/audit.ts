import { BaseCommand, runArg, runsDirFlag } from '../cli/base-command.js';
import type { AuditReport } from '../coordinator/audit/audit-run.js';

export default class Audit extends BaseCommand {
  static override summary = 'Prove from its journal that a run used each sample as it should.';
  static override description = `Checks that no line of the journal was changed, that terms, generations and rounds follow one another, that each epoch
used each training sample once and each evaluation counted each sample once, and that the states on disk are the
journal's. Writes nothing. What is found is an error (FT_AUDIT_FAILED) that names the line.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9',
    '<%= config.bin %> <%= command.id %> quickstart-20250131T142233Z-k3f9 --json',
  ];
  static override args = { run: runArg };
  static override flags = { 'runs-dir': runsDirFlag };

  async run(): Promise<AuditReport> {
    const { args, flags } = await this.parse(Audit);
    const { auditFromCli } = await import('../cli/audit-from-cli.js');
    const report = await auditFromCli(flags['runs-dir'], args.run);
    const { auditLines, auditError } = await import('../cli/audit-report.js');
    this.log(auditLines(report).join('\n'));
    if (!report.ok) throw auditError(report);
    return report;
  }
}
