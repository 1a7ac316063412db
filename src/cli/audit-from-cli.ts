import { auditRun, type AuditReport } from '../coordinator/audit/audit-run.js';
import { RunFolder } from '../state/run-folder.js';
import { interruptible } from './interruptible.js';
import { progressLine } from './progress-line.js';

/** Audits a run by its id or path; progress goes to stderr. Rejects with FT_RUN_NOT_FOUND, and as `auditRun` does. */
export async function auditFromCli(runsDir: string, idOrPath: string): Promise<AuditReport> {
  const run = await RunFolder.open(runsDir, idOrPath);
  return interruptible((signal) => auditRun(run, { signal, onProgress: progressLine() }));
}
