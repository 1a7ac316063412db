import type { AuditReport } from '../coordinator/audit/audit-run.js';
import type { SampleProof, TrainingRule } from '../coordinator/audit/check-samples.js';
import type { Finding } from '../coordinator/audit/finding.js';
import { FtctlError } from '../errors/index.js';
import { count, plural, printable } from './progress/words.js';
import { wrapped } from './wrapped.js';

/** Columns of a report, and of the words before its sentences. */
const reportColumns = 80;
const labelColumns = 14;
/** More findings than these are in `--json` alone: what follows from one of them is often found once more. */
const maxFindings = 10;
/** Digits of a hash that tell any two apart. */
const shortHash = 12;

/** What was checked, and what was found, for people. Pure. */
export function auditLines(report: AuditReport): string[] {
  const { journal, members, rounds, states, findings } = report;
  const torn =
    journal.tornBytes === 0 ? '' : `; an unfinished last line (${count(journal.tornBytes)} bytes)`;
  const shards =
    members.shards === null ? '' : `, each with all of ${plural(members.shards, 'shard')}`;
  const again =
    rounds.repeated === 0
      ? ''
      : `; ${plural(rounds.repeated, 'round')} done again, with the same bits`;
  const lines = [
    [
      'journal',
      `${plural(journal.lines, 'line')}, to ${journal.head.slice(0, shortHash)}...${torn}`,
    ],
    [
      'members',
      `${plural(members.terms, 'term')}, ${plural(members.generations, 'generation')}${shards}`,
    ],
    [
      'rounds',
      `1 to ${count(rounds.last)}: ${plural(rounds.steps, 'step')}, ${plural(rounds.evaluations, 'evaluation')}${again}`,
    ],
    ...sampleSentences(report),
    [
      'states',
      `${plural(states.numRecorded, 'file')} as recorded, ${states.numGone} no longer there${
        states.numUnrecorded === 0 ? '' : `, ${states.numUnrecorded} written just before a crash`
      }`,
    ],
    ['end', report.end ?? 'none: the run goes on, or its coordinator was killed'],
  ] as const;
  const told = findings.length === 0 ? lines : lines.filter(([name]) => name === 'journal');
  return [
    `audit of ${printable(report.runId)}`,
    ...told.flatMap(([name, text]) => labelled(name, text)),
    '',
    ...verdict(report, findings),
  ];
}

function verdict({ samples }: AuditReport, findings: readonly Finding[]): string[] {
  if (findings.length > 0) {
    const more = findings.length - maxFindings;
    return [
      `audit: ${plural(findings.length, 'finding')}`,
      ...findings
        .slice(0, maxFindings)
        .flatMap(({ line, what }) => labelled(line === null ? 'files' : `line ${line}`, what)),
      ...(more > 0 ? [`  and ${count(more)} more, which --json has`] : []),
    ];
  }
  return [
    samples === null
      ? 'audit: the run is what its journal says; its samples could not be counted'
      : 'audit: the run is what its journal says',
  ];
}

function sampleSentences({ samples, manifest }: AuditReport): (readonly [string, string])[] {
  if (samples === null) return [['samples', `not counted. ${manifest.why ?? ''}`.trimEnd()]];
  return [
    ['training', trainingSentence(samples)],
    ...samples.evaluations.map(
      ({ split, times, all, used }) =>
        [
          split,
          `${plural(times, 'evaluation')}, each of ${ofAll(used, all)} once${
            used < all ? ' (training.limitBatches)' : ''
          }`,
        ] as const,
    ),
  ];
}

const ruleWords: Readonly<Record<TrainingRule, (proof: SampleProof) => string>> = {
  once: ({ train }) => `each of ${plural(train.all, 'sample')} once`,
  limited: ({ train }) => `${ofAll(train.used, train.all)}, none twice (training.limitBatches)`,
  weighted: ({ train }) => `${plural(train.used, 'draw')}, as planned (sampling: weighted)`,
  overfit: () => 'the first batch at each step (training.overfitBatch)',
};

function trainingSentence(proof: SampleProof): string {
  const parts = (Object.keys(ruleWords) as TrainingRule[]).flatMap((rule) => {
    const number = proof.epochs[rule];
    return number === undefined ? [] : [`${plural(number, 'epoch')}: ${ruleWords[rule](proof)}`];
  });
  const partial =
    proof.partialEpochs === 0 ? [] : [`${plural(proof.partialEpochs, 'epoch')} begun, as planned`];
  return [...parts, ...partial].join('; ') || 'no epoch yet';
}

function ofAll(used: number, all: number): string {
  return used === all ? plural(all, 'sample') : `${count(used)} of ${plural(all, 'sample')}`;
}

function labelled(name: string, text: string): string[] {
  const width = reportColumns - labelColumns;
  return wrapped(printable(text), width).map((line, index) =>
    `  ${(index === 0 ? name : '').padEnd(labelColumns - 2)}${line}`.trimEnd(),
  );
}

/** FT_AUDIT_FAILED with the first finding; the whole report is in its details. */
export function auditError(report: AuditReport): FtctlError {
  const { findings, runId, runDir } = report;
  const [first] = findings;
  const where = first?.line == null ? '' : `Line ${first.line} of its journal: `;
  const others = findings.length - 1;
  return new FtctlError('FT_AUDIT_FAILED', {
    what: `The run ${runId} is not what its journal says.`,
    why: `${where}${first?.what ?? ''}${others > 0 ? ` There ${others === 1 ? 'is 1 more finding' : `are ${others} more findings`}.` : ''}`,
    details: { runDir, report },
  });
}
