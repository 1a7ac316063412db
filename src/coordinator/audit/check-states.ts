import { basename } from 'node:path';
import type { SnapshotKind } from '../../rpc/control-messages.js';
import { unstartedLedger } from '../../state/ledger.js';
import type { Finding } from './finding.js';
import type { PlacedRound, RecordedState, Story } from './lives.js';

/** A file with a state, as it lies in the run folder. */
export interface StateFile {
  /** Relative to the run folder, with forward slashes. */
  readonly file: string;
  /** What is in it; a sentence: why it cannot be read. */
  readonly state: string | FoundState;
}

/** The part of a state that the journal can be asked about. */
export interface FoundState {
  readonly round: number;
  readonly hash: string;
  /** The running hash that the state has. */
  readonly ledger: string;
  readonly samples: number;
  readonly numEvaluations: number;
}

export interface StateProof {
  /** Files that are the states which the journal says they are. */
  readonly numRecorded: number;
  /** Files of a round that the journal has, written when the coordinator was killed, before it could say so. */
  readonly numUnrecorded: number;
  /** Files that the journal names and that are there no more: older checkpoints are removed. */
  readonly numGone: number;
}

/** Compares the states on disk with the journal's: hash, round, running hash, samples and evaluations so far. Pure. */
export function checkStates(
  story: Story,
  files: readonly StateFile[],
): { readonly proof: StateProof; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  // The last record of a file is what was written there last.
  const recorded = new Map(story.states.map((state) => [fileOf(state), state]));
  let numRecorded = 0;
  let numUnrecorded = 0;
  for (const { file, state } of files) {
    const record = recorded.get(file);
    const wrong = typeof state === 'string' ? state : wrongState(state, record, story);
    if (wrong !== undefined) {
      findings.push({ check: 'states', line: record?.line ?? null, what: `${file}: ${wrong}` });
    } else if (typeof state !== 'string' && state.hash === record?.state.hash) numRecorded += 1;
    else numUnrecorded += 1;
  }
  const there = new Set(files.map(({ file }) => file));
  const numGone = [...recorded.keys()].filter((file) => !there.has(file)).length;
  return { proof: { numRecorded, numUnrecorded, numGone }, findings };
}

const folders: Readonly<Record<SnapshotKind, string>> = {
  checkpoint: 'checkpoints',
  final: 'checkpoints',
  best: 'best',
};

/** The run folder may be another one than when the record was written. */
function fileOf({ kind, path }: RecordedState): string {
  return `${folders[kind]}/${basename(path)}`;
}

function wrongState(
  state: FoundState,
  record: RecordedState | undefined,
  story: Story,
): string | undefined {
  const { round, hash } = state;
  if (record?.state.round === round) {
    if (record.state.hash === hash) return wrongContents(state, record.at);
    return `the state of round ${round} has the hash ${short(hash)}, not ${short(record.state.hash)}.`;
  }
  if (record !== undefined && round < record.state.round) {
    return `it is the state of round ${round}; the journal has that of round ${record.state.round} there.`;
  }
  // A coordinator that is killed between the two has a file that it did not write down; whoever goes on may start there.
  const isCut =
    story.lives.at(-1)?.end === null || story.lives.some(({ start }) => start === round);
  const at = story.timeline[round - 1];
  if (!isCut || at === undefined) {
    return `the journal has no such state (round ${round}, hash ${short(hash)}).`;
  }
  return wrongContents(state, at);
}

function wrongContents(state: FoundState, at: PlacedRound | null): string | undefined {
  const { round } = state;
  const ledger = at?.entry.ledger ?? unstartedLedger;
  if (state.ledger !== ledger) {
    return `the state of round ${round} has the running hash ${short(state.ledger)}, the ledger ${short(ledger)}.`;
  }
  const samples = at?.samplesUntil ?? 0;
  if (state.samples !== samples) {
    return `the state of round ${round} was trained on ${state.samples} samples, the ledger counts ${samples}.`;
  }
  const evaluations = at?.evaluationsUntil ?? 0;
  if (state.numEvaluations === evaluations) return undefined;
  return `the state of round ${round} has ${state.numEvaluations} evaluations, the ledger ${evaluations}.`;
}

function short(hash: string): string {
  return `${hash.slice(0, 12)}...`;
}
