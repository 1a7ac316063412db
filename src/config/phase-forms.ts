import type { EarlyStoppingSpec, OptimizerSpec, PhaseSpec, ScheduleSpec } from './phase-spec.js';
import type { UserConfig, UserConfigInput } from './schema.js';

/** A phase in its two forms: what a user writes, defaults filled in by the schema, and what it compiles to. */

type UserPhase = UserConfig['phases'][number];
type PhaseDocument = UserConfigInput['phases'][number];

/** Fills in what the schema cannot: `metric` is that of the best epoch. Keys have one order, since a run's identity is a hash of them. */
export function compilePhase(phase: UserPhase, metric: 'accuracy' | 'loss'): PhaseSpec {
  return {
    ...phase,
    train: listOf(phase.train),
    except: listOf(phase.except),
    optimizer: compileOptimizer(phase.optimizer),
    schedule: compileSchedule(phase.schedule, phase.epochs),
    classWeights: compileWeights(phase.classWeights),
    earlyStopping: phase.earlyStopping && compileStopping(phase.earlyStopping, metric),
  };
}

function listOf(names: string | readonly string[]): readonly string[] {
  return typeof names === 'string' ? [names] : [...names];
}

function compileOptimizer(optimizer: UserPhase['optimizer']): OptimizerSpec {
  const groups = optimizer.groups.map((group) => ({ ...group, match: listOf(group.match) }));
  if (optimizer.type === 'sgd') return { ...optimizer, groups };
  const { type = 'adam', learningRate, weightDecay, betas, epsilon } = optimizer;
  return { type, learningRate, weightDecay, beta1: betas[0], beta2: betas[1], epsilon, groups };
}

function compileSchedule(schedule: UserPhase['schedule'], phaseEpochs: number): ScheduleSpec {
  const { warmup } = schedule;
  switch (schedule.type) {
    case undefined:
    case 'constant':
      return { type: 'constant', warmup };
    case 'cosine': {
      const { type, minRate, epochs = phaseEpochs - (warmup?.epochs ?? 0) } = schedule;
      return { type, warmup, epochs, minRate };
    }
    default:
      return schedule;
  }
}

function compileStopping(
  { metric, patience, minDelta }: NonNullable<UserPhase['earlyStopping']>,
  byDefault: 'accuracy' | 'loss',
): EarlyStoppingSpec {
  return { metric: metric ?? byDefault, patience, minDelta };
}

function compileWeights(weights: UserPhase['classWeights']): PhaseSpec['classWeights'] {
  if (typeof weights === 'string') return weights;
  return Object.fromEntries(Object.entries(weights).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The inverse of {@link compilePhase}, with every key. */
export function phaseDocument(spec: PhaseSpec): PhaseDocument {
  return {
    ...spec,
    train: namesOf(spec.train),
    except: namesOf(spec.except),
    optimizer: optimizerDocument(spec.optimizer),
    schedule: scheduleDocument(spec.schedule),
    clip: { ...spec.clip },
    classWeights:
      typeof spec.classWeights === 'string' ? spec.classWeights : { ...spec.classWeights },
    earlyStopping: spec.earlyStopping === null ? null : { ...spec.earlyStopping },
  };
}

/** One name is written as it is. */
function namesOf(names: readonly string[]): string | string[] {
  return names.length === 1 ? names[0]! : [...names];
}

function optimizerDocument(spec: OptimizerSpec): PhaseDocument['optimizer'] {
  const groups = spec.groups.map((group) => ({ ...group, match: namesOf(group.match) }));
  if (spec.type === 'sgd') return { ...spec, groups };
  const { type, learningRate, weightDecay, beta1, beta2, epsilon } = spec;
  return { type, learningRate, weightDecay, betas: [beta1, beta2], epsilon, groups };
}

function scheduleDocument(spec: ScheduleSpec): PhaseDocument['schedule'] {
  const warmup = spec.warmup === null ? null : { ...spec.warmup };
  if (spec.type === 'multistep') return { ...spec, warmup, milestones: [...spec.milestones] };
  return { ...spec, warmup };
}
