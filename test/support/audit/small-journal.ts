import type { AuditInputs } from '../../../src/coordinator/audit/audit-journal.js';
import type { StateFile } from '../../../src/coordinator/audit/check-states.js';
import { assignShards } from '../../../src/coordinator/assignment.js';
import type { JournalRecord } from '../../../src/coordinator/journal-records.js';
import type { LedgerEntry } from '../../../src/coordinator/ledger.js';
import { specHash } from '../../../src/coordinator/spec-hash.js';
import {
  batchesOf,
  numRounds,
  planRound,
  type RoundSchedule,
} from '../../../src/train/round-plan.js';
import { sha256Hex } from '../../../src/util/blob-store.js';
import { smallRun, type SmallRunOptions } from '../train/small-run.js';

export interface SmallJournalOptions extends SmallRunOptions {
  /** The coordinator is killed after this round, and another one goes on from the newest checkpoint; 0: never. */
  readonly killedAfter?: number;
  /** A member is lost after so many rounds; 0: never. */
  readonly lostAfter?: number;
}

export interface SmallJournal extends Omit<AuditInputs, 'records'> {
  /** As a coordinator would append them. */
  readonly records: readonly JournalRecord[];
}

const hashOf = (...parts: (string | number)[]): string => sha256Hex(parts.join(' '));

/** The journal of a whole run, written from the plan, and what else its folder has. Accuracies on val fall from the second epoch on. */
export function smallJournal(options: SmallJournalOptions = {}): SmallJournal {
  const { spec, plan, manifest: given } = smallRun(options);
  const manifest = { ...given, hash: hashOf('manifest') };
  const schedule: RoundSchedule = {
    phases: spec.phases,
    stepLengths: spec.phases.map(() => 0),
    numBatches: plan.numTrainSteps,
    hasTest: plan.splitSize('test') > 0,
  };
  const identity = {
    ...{ manifestHash: manifest.hash, modelHash: hashOf('model') },
    fingerprintHash: hashOf('fingerprint'),
  };
  const entries = roundsOf(schedule, (entry) => {
    if (entry.kind === 'phase') return 0;
    if (entry.kind === 'evaluate') return plan.splitSize(entry.split === 'test' ? 'test' : 'val');
    const { first, end } = batchesOf(schedule, entry);
    let samples = 0;
    for (let batch = first; batch < end; batch += 1) {
      for (let shard = 0; shard < plan.numShards; shard += 1) {
        const { sampling } = spec.phases[entry.phase]!;
        samples += plan.trainMicrobatch(entry.epoch, batch, shard, sampling).samples.length;
      }
    }
    return samples;
  });
  const records: JournalRecord[] = [];
  const files = new Map<string, StateFile>();

  const begin = (term: number): void => {
    const hash = specHash(spec, identity);
    records.push({ type: 'term', term });
    records.push({ type: 'run', runId: 'small', specHash: hash, ...identity });
  };
  const generation = (term: number, number: number, size: number, round: number): void => {
    const members = assignShards(plan.numShards, size).map((shards, rank) => ({
      ...{ incarnation: `w${rank}`, rank, address: `127.0.0.1:${4000 + rank}` },
      ...shards,
    }));
    const id = { term, number };
    const body = { id, members, numShards: plan.numShards, twoHopFromElements: 1024 };
    records.push({ type: 'generation', generation: body, round, reason: 'all workers are ready' });
  };
  const store = (kind: 'checkpoint' | 'final', { round, epoch, ledger }: LedgerEntry): void => {
    const hash = hashOf('state', round);
    const name = kind === 'final' ? 'final' : `epoch-${epoch + 1}-round-${round}`;
    const file = `checkpoints/${name}.ckpt`;
    const path = `/runs/small/${file}`;
    records.push({ type: 'checkpoint', kind, state: { round, hash }, epoch, path });
    const until = entries.slice(0, round);
    const samples = until.reduce((sum, e) => sum + (e.kind === 'step' ? e.samples : 0), 0);
    const numEvaluations = until.filter(isEpochEnd).length;
    files.set(file, { file, state: { round, hash, ledger, samples, numEvaluations } });
  };
  const rounds = (from: number, to: number): number => {
    let newest = 0;
    for (const entry of entries.slice(from, to)) {
      records.push({ type: 'rounds', entries: [entry] });
      if (entry.round === options.lostAfter) generation(records.length, 2, 1, entry.round);
      if (!isEpochEnd(entry)) continue;
      store('checkpoint', entry);
      newest = entry.round;
    }
    return newest;
  };

  const killedAfter = Math.min(options.killedAfter ?? 0, entries.length - 1);
  let start = 0;
  begin(1);
  generation(1, 1, 2, 0);
  if (killedAfter > 0) {
    start = rounds(0, killedAfter);
    begin(2);
    generation(2, 1, 3, start);
  }
  rounds(start, entries.length);
  const last = entries.at(-1)!;
  store('final', last);
  const state = { round: last.round, hash: hashOf('state', last.round) };
  records.push({ type: 'end', status: 'finished', state, code: null });
  return {
    ...{ spec, lastEpochs: [spec.phases.at(-1)!.epochs], states: [...files.values()] },
    records: records.map((record) => withTerm(record, records)),
    manifests: new Map([[manifest.hash, manifest]]),
    result: 'finished',
  };
}

/** A second generation is of the term that is on then. */
function withTerm(record: JournalRecord, records: readonly JournalRecord[]): JournalRecord {
  if (record.type !== 'generation') return record;
  const before = records.slice(0, records.indexOf(record));
  const term = before.filter(({ type }) => type === 'term').length;
  const { generation } = record;
  return { ...record, generation: { ...generation, id: { ...generation.id, term } } };
}

function isEpochEnd({ kind, split }: LedgerEntry): boolean {
  return kind === 'evaluate' && split === 'val';
}

function roundsOf(
  schedule: RoundSchedule,
  samplesOf: (entry: LedgerEntry) => number,
): LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  const history: { phase: number; valLoss: number; valAccuracy: number }[] = [];
  for (let round = 1; round <= numRounds(schedule, history); round += 1) {
    const plan = planRound(schedule, history, round);
    const { kind, phase, epoch } = plan;
    const accuracy = 1 / (1 + epoch);
    const entry: LedgerEntry = {
      ...{ round, kind, phase, epoch, samples: 0, loss: epoch + 0.25, accuracy },
      step: plan.kind === 'step' ? plan.step : 0,
      split: plan.kind === 'evaluate' ? plan.split : 'train',
      ledger: hashOf('ledger', round),
    };
    if (isEpochEnd(entry)) history.push({ phase, valLoss: entry.loss, valAccuracy: accuracy });
    entries.push({ ...entry, samples: samplesOf(entry) });
  }
  return entries;
}
