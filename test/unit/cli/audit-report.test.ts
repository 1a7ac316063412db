import { expect, it } from 'vitest';
import { auditError, auditLines } from '../../../src/cli/audit-report.js';
import type { AuditReport } from '../../../src/coordinator/audit/audit-run.js';

const report: AuditReport = {
  ...{ runId: 'flowers-20250131T142233Z-k3f9', runDir: '/runs/flowers', ok: true },
  journal: { lines: 64, head: '3f2a9c01b7de'.padEnd(64, '0'), tornBytes: 17 },
  manifest: { from: 'cache', why: null },
  members: { terms: 2, generations: 3, shards: 16 },
  rounds: { last: 244, steps: 240, evaluations: 4, repeated: 12 },
  samples: {
    ...{ epochs: { once: 3, weighted: 1 }, partialEpochs: 1, train: { all: 960, used: 960 } },
    evaluations: [{ split: 'val', times: 4, all: 240, used: 64 }],
  },
  states: { numRecorded: 4, numUnrecorded: 1, numGone: 2 },
  ...{ end: null, findings: [] },
};

it('an audit says what it has counted, in 80 columns', () => {
  expect(auditLines(report)).toEqual([
    'audit of flowers-20250131T142233Z-k3f9',
    '  journal     64 lines, to 3f2a9c01b7de...; an unfinished last line (17 bytes)',
    '  members     2 terms, 3 generations, each with all of 16 shards',
    '  rounds      1 to 244: 240 steps, 4 evaluations; 12 rounds done again, with the',
    '              same bits',
    '  training    3 epochs: each of 960 samples once; 1 epoch: 960 draws, as planned',
    '              (sampling: weighted); 1 epoch begun, as planned',
    '  val         4 evaluations, each of 64 of 240 samples once',
    '              (training.limitBatches)',
    '  states      4 files as recorded, 2 no longer there, 1 written just before a',
    '              crash',
    '  end         none: the run goes on, or its coordinator was killed',
    '',
    'audit: the run is what its journal says',
  ]);
});

it('an audit without the list of samples says why', () => {
  const manifest = { from: null, why: 'The images are gone.' };
  const lines = auditLines({ ...report, samples: null, manifest });
  expect(lines).toContain('  samples     not counted. The images are gone.');
  expect(lines.at(-1)).toBe(
    'audit: the run is what its journal says; its samples could not be counted',
  );
});

it('an audit names the lines of the first findings, and the error the first one', () => {
  const findings = Array.from({ length: 12 }, (_, index) => ({
    ...{ check: 'rounds' as const, line: index === 0 ? null : index, what: `Wrong ${index}.` },
  }));
  const failed = { ...report, ok: false, findings: [...findings.slice(1), findings[0]!] };
  expect(auditLines(failed).slice(3)).toEqual([
    'audit: 12 findings',
    ...findings.slice(1, 11).map(({ line, what }) => `  line ${line}`.padEnd(14) + what),
    '  and 2 more, which --json has',
  ]);
  expect(auditError(failed)).toMatchObject({
    ...{ code: 'FT_AUDIT_FAILED', exitCode: 4 },
    message:
      'The run flowers-20250131T142233Z-k3f9 is not what its journal says. Line 1 of its journal: Wrong 1. There are 11 more findings.',
  });
});
