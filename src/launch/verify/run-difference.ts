import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.js';
import { readRecords } from '../../coordinator/journal.js';
import { readArtifacts } from '../../models/artifacts.js';
import { checkpointRound, readSnapshot } from '../../state/checkpoint-store.js';
import { RunFolder } from '../../state/run-folder.js';
import type { OpenedSnapshot } from '../../state/snapshot.js';
import type { TrainingState } from '../../state/training-state.js';
import { firstLedgerDifference, type LedgerDifference, ledgerOf } from './ledger-difference.js';
import { firstStateDifference, type StateDifference } from './state-difference.js';
import { type StateLayout, stateLayout } from './state-layout.js';

/** Where two runs of one configuration differ first. */
export interface RunDifference {
  /** Null: the sums of all rounds are the same, and what was made of them is not. */
  readonly round: LedgerDifference | null;
  /** In the earliest states of both that can be compared and differ; null: there are none. */
  readonly state: DifferentStates | null;
}

export interface DifferentStates extends StateDifference {
  /** The file's path in the folders of both runs. */
  readonly file: string;
  /** Of the states: of the first run and of the second. */
  readonly rounds: readonly [number, number];
}

/** Finished runs of one configuration, from their folders. Rejects as reading their journals does (FT_JOURNAL_DAMAGED). */
export async function findRunDifference(
  firstDir: string,
  secondDir: string,
): Promise<RunDifference> {
  const [first, second] = [
    await RunFolder.open(firstDir, firstDir),
    await RunFolder.open(secondDir, secondDir),
  ];
  return {
    round: firstLedgerDifference(await readLedger(first), await readLedger(second)),
    state: await findStateDifference(first, second),
  };
}

async function readLedger({ journalPath }: RunFolder) {
  return ledgerOf(readRecords(await readFile(journalPath)).records);
}

/** One pair after the other: a state may take gigabytes. */
async function findStateDifference(
  first: RunFolder,
  second: RunFolder,
): Promise<DifferentStates | null> {
  for (const file of await stateFiles(first)) {
    const [a, b] = [await readState(first, file), await readState(second, file)];
    if (a === undefined || b === undefined) continue;
    // Final states are compared whatever their rounds are.
    if (a.round !== b.round && file !== finalState) continue;
    const difference = firstStateDifference(a.state, b.state, await layoutOf(first, a.state));
    if (difference !== null) return { file, rounds: [a.round, b.round], ...difference };
  }
  return null;
}

const bestState = join('best', 'best.ckpt');
const finalState = join('checkpoints', 'final.ckpt');

/** Those that a run may have in common with another one, by ascending round. */
async function stateFiles(run: RunFolder): Promise<string[]> {
  const best = await readState(run, bestState);
  const names = await readdir(run.checkpointsDir);
  const checkpoints = names.flatMap((name) => {
    const round = checkpointRound(name);
    return round === undefined ? [] : [{ file: join('checkpoints', name), round }];
  });
  const others = best === undefined ? [] : [{ file: bestState, round: best.round }];
  const byRound = [...checkpoints, ...others].sort((a, b) => a.round - b.round);
  return [...byRound.map(({ file }) => file), finalState];
}

/** Undefined for a file that is not there, or damaged: another pair tells as much. */
function readState(run: RunFolder, file: string): Promise<OpenedSnapshot | undefined> {
  return readSnapshot(join(run.dir, file)).catch(() => undefined);
}

/** Without names where the run has no model folder that would tell how many classes there are. */
async function layoutOf(run: RunFolder, { parameters }: TrainingState): Promise<StateLayout> {
  try {
    const { spec } = await loadConfig({ path: run.configPath });
    const { classNames } = await readArtifacts(run.modelDir);
    return stateLayout(spec, { numClasses: classNames.length, numParameters: parameters.length });
  } catch {
    return { parameters: [], statistics: [] };
  }
}
