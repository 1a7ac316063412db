import type { Generation, GenerationId } from '../../rpc/generation.js';
import type { StoredRecord } from '../journal-records.js';
import type { LedgerEntry } from '../ledger.js';
import type { AuditCheck, Finding } from './finding.js';
import type { Life, PlacedRound, RecordedState, Story } from './lives.js';
import { wrongShape } from './record-shape.js';

type Of<Type extends StoredRecord['type']> = Extract<StoredRecord, { type: Type }>;
type OpenLife = { -readonly [Key in keyof Life]: Life[Key] } & { rounds: PlacedRound[] };

/**
 * Reads a journal's records in order, and finds what no coordinator would have written: terms and generations that do not rise, shards
 * without an owner or with two, rounds that are missing or were done again with other bits, states of rounds that were not there. `numShards`: of the
 * configuration. Pure.
 */
export function tellStory(
  records: readonly StoredRecord[],
  numShards: number,
): {
  readonly story: Story;
  readonly findings: readonly Finding[];
} {
  const teller = new StoryTeller(numShards);
  records.forEach((record, index) => {
    teller.take(record, index + 1);
  });
  return { story: teller.story(), findings: teller.findings };
}

class StoryTeller {
  readonly findings: Finding[] = [];
  readonly #lives: OpenLife[] = [];
  /** By round: as the last life that did it has it. */
  readonly #known = new Map<number, PlacedRound>();
  /** Rounds 1 to `#last` of the life that is read. */
  #timeline: PlacedRound[] = [];
  #lastId: GenerationId | null = null;
  readonly #numShards: number;
  #numGenerations = 0;
  #numRepeated = 0;
  readonly #states: RecordedState[] = [];

  constructor(numShards: number) {
    this.#numShards = numShards;
  }

  take(record: StoredRecord, line: number): void {
    const wrong = wrongShape(record);
    if (wrong !== undefined) {
      this.#find('records', line, wrong);
      return;
    }
    if (record.type === 'term') {
      this.#term(record, line);
      return;
    }
    const life = this.#lives.at(-1);
    if (life === undefined) {
      this.#find('members', line, 'There is no term before it.');
      return;
    }
    if (life.end !== null) {
      const said = `The life of term ${life.term} ended in line ${life.end.line}: only a new term may follow.`;
      this.#find('records', line, said);
    }
    switch (record.type) {
      case 'run':
        this.#run(life, record, line);
        return;
      case 'generation':
        this.#generation(life, record, line);
        return;
      case 'rounds':
        for (const entry of record.entries) this.#round(life, entry, line);
        return;
      case 'checkpoint':
        this.#checkpoint(life, record, line);
        return;
      case 'end':
        this.#end(life, record, line);
    }
  }

  story(): Story {
    return {
      ...{ lives: this.#lives, timeline: this.#timeline, states: this.#states },
      ...{ numGenerations: this.#numGenerations, numRepeated: this.#numRepeated },
    };
  }

  #find(check: AuditCheck, line: number, what: string): void {
    this.findings.push({ check, line, what });
  }

  #term({ term }: Of<'term'>, line: number): void {
    const before = this.#lives.at(-1)?.term ?? 0;
    if (term <= before) this.#find('members', line, `Term ${term} comes after term ${before}.`);
    this.#lives.push({ term, run: null, start: null, history: [], rounds: [], end: null });
  }

  #run(life: OpenLife, record: Of<'run'>, line: number): void {
    if (life.run !== null) this.#find('records', line, `Term ${life.term} has two launches.`);
    life.run = { ...record, line };
  }

  #generation(life: OpenLife, record: Of<'generation'>, line: number): void {
    const { generation, round } = record;
    this.#numGenerations += 1;
    const { id, numShards } = generation;
    const name = `Generation ${id.term}.${id.number}`;
    if (id.term !== life.term) this.#find('members', line, `${name} is not of term ${life.term}.`);
    const before = this.#lastId;
    if (before !== null && id.term === before.term && id.number <= before.number) {
      this.#find('members', line, `${name} comes after ${before.term}.${before.number}.`);
    }
    this.#lastId = id;
    if (numShards !== this.#numShards) {
      const said = `${name} has ${numShards} shards, config.yaml ${this.#numShards}.`;
      this.#find('members', line, said);
    }
    const wrong = wrongMembers(generation);
    if (wrong !== undefined) this.#find('members', line, `${name}: ${wrong}`);
    if (life.start === null) this.#begin(life, round, line);
    else if (round < life.start || round > this.#timeline.length) {
      const range = `${life.start} to ${this.#timeline.length}`;
      this.#find(
        'members',
        line,
        `${name} goes on from round ${round}; its coordinator had rounds ${range}.`,
      );
    }
  }

  /** The first generation of a life. */
  #begin(life: OpenLife, round: number, line: number): void {
    const last = this.#timeline.length;
    if (round > last) {
      const there = last === 0 ? 'has none' : `ends at round ${last}`;
      this.#find('rounds', line, `The run goes on from round ${round}, and the ledger ${there}.`);
    }
    const before = this.#lives.findLast(({ start }) => start !== null)?.run;
    life.start = round;
    this.#timeline = this.#timeline.slice(0, round);
    life.history = this.#timeline.flatMap(({ entry }) => (isEpochEnd(entry) ? [entry] : []));
    if (life.run === null) {
      this.#find('records', line, `No launch in term ${life.term} says what is run.`);
    } else if (round > 0 && before != null) {
      for (const name of ['manifestHash', 'modelHash'] as const) {
        if (life.run[name] === before[name]) continue;
        const what = name === 'manifestHash' ? 'images' : 'model';
        this.#find(
          'records',
          life.run.line,
          `The ${what} are not those that the run began with (\`${name}\`).`,
        );
      }
    }
  }

  #round(life: OpenLife, entry: LedgerEntry, line: number): void {
    const { round } = entry;
    if (life.start === null) {
      this.#find('rounds', line, `Round ${round} is of no generation.`);
      return;
    }
    const last = this.#timeline.length;
    if (round <= last) {
      this.#find('rounds', line, `Round ${round} comes after round ${last}.`);
      return;
    }
    if (round > last + 1) {
      const missing =
        round === last + 2 ? `Round ${last + 1} is` : `Rounds ${last + 1} to ${round - 1} are`;
      this.#find('rounds', line, `${missing} missing before round ${round}.`);
    }
    const specHash = life.run?.specHash ?? '';
    const known = this.#known.get(round);
    if (known !== undefined && areComparable(known, { entry, specHash })) {
      if (isSameRound(known.entry, entry)) this.#numRepeated += 1;
      else {
        const said = `Round ${round} was done before, in line ${known.line}, and came to something else.`;
        this.#find('rounds', line, said);
      }
    }
    const before = this.#timeline.at(-1);
    const placed: PlacedRound = {
      ...{ entry, line, specHash },
      samplesUntil: (before?.samplesUntil ?? 0) + (entry.kind === 'step' ? entry.samples : 0),
      evaluationsUntil: (before?.evaluationsUntil ?? 0) + (isEpochEnd(entry) ? 1 : 0),
    };
    this.#known.set(round, placed);
    // A gap was told; what follows it is read as if it were whole.
    while (this.#timeline.length < round) this.#timeline.push(placed);
    life.rounds.push(placed);
  }

  #checkpoint(life: OpenLife, record: Of<'checkpoint'>, line: number): void {
    const { state, kind } = record;
    const at = this.#timeline[state.round - 1] ?? null;
    if (life.start === null || state.round < life.start || (at === null && state.round > 0)) {
      this.#find(
        'states',
        line,
        `The state (${kind}) is of round ${state.round}, which the coordinator had not come to.`,
      );
    }
    const same = this.#states.findLast((other) => other.state.round === state.round);
    if (same !== undefined && isSameState(same.at, at) && same.state.hash !== state.hash) {
      this.#find(
        'states',
        line,
        `Round ${state.round} has another state than in line ${same.line}.`,
      );
    }
    this.#states.push({ ...record, line, at });
  }

  #end(life: OpenLife, record: Of<'end'>, line: number): void {
    life.end = { ...record, line };
    const { status, state } = record;
    const last = this.#timeline.length;
    if (status === 'finished' && state?.round !== last) {
      const ended = state === null ? 'with no state' : `at round ${state.round}`;
      this.#find('rounds', line, `The run finished ${ended}; its last round is ${last}.`);
    }
    if (state === null || state.round === life.start) return;
    const isRecorded = this.#states.some(
      (other) => other.state.round === state.round && other.state.hash === state.hash,
    );
    if (!isRecorded) {
      this.#find(
        'states',
        line,
        `The state of round ${state.round} that the run ended with was never stored.`,
      );
    }
  }
}

/** The evaluation that ends an epoch. */
export function isEpochEnd({ kind, split }: LedgerEntry): boolean {
  return kind === 'evaluate' && split === 'val';
}

/** What is wrong with the members of a generation, as a sentence; undefined where each shard has one owner. Pure. */
function wrongMembers({ members, numShards }: Generation): string | undefined {
  if (members.length === 0) return 'It has no members.';
  if (new Set(members.map(({ incarnation }) => incarnation)).size < members.length) {
    return 'A worker is a member twice.';
  }
  let next = 0;
  for (const [index, { rank, firstShard, numShards: owned }] of members.entries()) {
    if (rank !== index) return `The member with rank ${rank} is at place ${index}.`;
    if (firstShard > next) return `Nobody has shard ${next}.`;
    if (firstShard < next) return `Shard ${firstShard} has two owners.`;
    next = firstShard + owned;
  }
  if (next < numShards) return `Nobody has shard ${next}.`;
  return next > numShards ? `There is no shard ${numShards}.` : undefined;
}

/** As in historyOf: under another spec the bits may be others, and in a longer run the round of a test score is a step. */
function areComparable(
  before: PlacedRound,
  { entry, specHash }: Pick<PlacedRound, 'entry' | 'specHash'>,
): boolean {
  return (
    before.specHash === specHash && (before.entry.split === 'test') === (entry.split === 'test')
  );
}

function isSameRound(a: LedgerEntry, b: LedgerEntry): boolean {
  const fields = [
    'kind',
    'phase',
    'epoch',
    'step',
    'split',
    'samples',
    'loss',
    'accuracy',
  ] as const;
  return a.ledger === b.ledger && fields.every((field) => a[field] === b[field]);
}

function isSameState(a: PlacedRound | null, b: PlacedRound | null): boolean {
  return a?.specHash === b?.specHash && a?.entry.ledger === b?.entry.ledger;
}
