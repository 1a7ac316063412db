import type { RunSpec } from '../../config/run-spec.js';
import type { Manifest } from '../../data/manifest.js';
import { planOf } from '../../train/plan-of.js';
import type { StoredRecord } from '../journal-records.js';
import { specHash } from '../spec-hash.js';
import { checkOrder, type LifePlan } from './check-order.js';
import { checkSamples, type SampleProof } from './check-samples.js';
import { checkStates, type StateFile, type StateProof } from './check-states.js';
import type { Finding } from './finding.js';
import type { Life, Story } from './lives.js';
import { tellStory } from './tell-story.js';

/** What a run folder and its cache have. */
export interface AuditInputs {
  /** The journal's, with a whole chain. */
  readonly records: readonly StoredRecord[];
  readonly spec: RunSpec;
  /** The last phase's epochs in each configuration that the run has had. */
  readonly lastEpochs: readonly number[];
  /** By hash, those that can be had. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly states: readonly StateFile[];
  /** How the run ended as its launch saw it; null: it has not ended, or its launch was killed. */
  readonly result: 'finished' | 'stopped' | 'failed' | null;
}

/** What an audit has proved, and what it has found. Rounds, terms and numbers are those of the journal. */
export interface Audit {
  readonly members: {
    readonly terms: number;
    readonly generations: number;
    /** Virtual shards of each generation; null: there was none. */
    readonly shards: number | null;
  };
  readonly rounds: {
    /** The last one of the run as it went on. */
    readonly last: number;
    readonly steps: number;
    readonly evaluations: number;
    /** Rounds that a later life of the coordinator did again, and came to the same. */
    readonly repeated: number;
  };
  /** Null: they could not be counted. */
  readonly samples: SampleProof | null;
  readonly states: StateProof;
  /** How its last coordinator ended the run; null: not yet, or it was killed. */
  readonly end: 'finished' | 'stopped' | 'failed' | null;
  /** In the order of the journal's lines. */
  readonly findings: readonly Finding[];
}

/** Audits a run from its journal: nothing is believed that can be counted. Pure. */
export function auditJournal(inputs: AuditInputs): Audit {
  const { records, states } = inputs;
  const { story, findings: found } = tellStory(records, inputs.spec.batch.shards);
  const findings = [...found, ...checkConfig(story, inputs), ...checkEnd(story, inputs)];
  const isReadable = findings.length === 0;
  const onDisk = checkStates(story, states);
  findings.push(...onDisk.findings);
  // Where the journal contradicts itself, everything that follows from it would be found wrong once more.
  const ordered = isReadable ? story.lives.flatMap((life) => orderOf(life, inputs)) : [];
  findings.push(...ordered);
  const counted =
    isReadable && ordered.length === 0 ? samplesOf(story, inputs) : { proof: null, findings: [] };
  findings.push(...counted.findings);
  const ofKind = (kind: string): number =>
    story.timeline.filter(({ entry }) => entry.kind === kind).length;
  return {
    members: {
      ...{ terms: story.lives.length, generations: story.numGenerations },
      shards: story.numGenerations === 0 ? null : inputs.spec.batch.shards,
    },
    rounds: {
      last: story.timeline.length,
      ...{ steps: ofKind('step'), evaluations: ofKind('evaluate'), repeated: story.numRepeated },
    },
    samples: counted.proof,
    states: onDisk.proof,
    end: story.lives.at(-1)?.end?.status ?? null,
    findings: findings.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity)),
  };
}

/** The life whose images the rounds of the run are of: the last that began rounds. */
export function lastStarted({ lives }: Pick<Story, 'lives'>): Life | undefined {
  return lives.findLast(({ start }) => start !== null);
}

/** Every launch says by a hash what it ran: the configuration in the folder must be that. */
function checkConfig({ lives }: Story, { spec }: AuditInputs): Finding[] {
  return lives.flatMap(({ run }): Finding[] => {
    if (run === null) return [];
    const { manifestHash, modelHash, fingerprintHash } = run;
    if (run.specHash === specHash(spec, { manifestHash, modelHash, fingerprintHash })) return [];
    const what = 'config.yaml is not what this launch ran, or another version of ftctl wrote it.';
    return [{ check: 'records', line: run.line, what }];
  });
}

/** Lines that are missing at the end of a journal leave a whole chain. */
function checkEnd(story: Story, { result, records }: AuditInputs): Finding[] {
  if (records.length === 0) {
    return [{ check: 'records', line: null, what: 'The journal has no record.' }];
  }
  const life = story.lives.at(-1);
  const isMissing =
    (result === 'finished' && life?.end?.status !== 'finished') ||
    (result === 'stopped' && life?.start !== null && life?.end?.status !== 'stopped');
  if (!isMissing) return [];
  const what = `result.json says that the run ${result}, and the journal does not: its last lines are missing.`;
  return [{ check: 'records', line: null, what }];
}

function planOfLife(
  life: Life,
  { spec, lastEpochs, manifests }: AuditInputs,
): LifePlan | undefined {
  const manifest = manifests.get(life.run?.manifestHash ?? '');
  return manifest === undefined ? undefined : { spec, lastEpochs, plan: planOf(spec, manifest) };
}

function orderOf(life: Life, inputs: AuditInputs): readonly Finding[] {
  const plan = life.start === null ? undefined : planOfLife(life, inputs);
  return plan === undefined ? [] : checkOrder(life, plan);
}

function samplesOf(
  story: Story,
  inputs: AuditInputs,
): { readonly proof: SampleProof | null; readonly findings: readonly Finding[] } {
  const life = lastStarted(story);
  const plan = life === undefined ? undefined : planOfLife(life, inputs);
  const manifest = inputs.manifests.get(life?.run?.manifestHash ?? '');
  if (plan === undefined || manifest === undefined) return { proof: null, findings: [] };
  return checkSamples(story.timeline, plan, manifest);
}
