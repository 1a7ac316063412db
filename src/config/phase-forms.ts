import type { OptimizerSpec, PhaseSpec, ScheduleSpec } from './phase-spec.js';
import type { UserConfig, UserConfigInput } from './schema.js';

/** A phase in its two forms: what a user writes, defaults filled in by the schema, and what it compiles to. */

type UserPhase = UserConfig['phases'][number];
type PhaseDocument = UserConfigInput['phases'][number];

/** Fills in what the schema cannot: `metric` is that of the best epoch. */
export function compilePhase(phase: UserPhase, metric: 'accuracy' | 'loss'): PhaseSpec {
  const { train, except, optimizer, schedule, classWeights, earlyStopping, ...rest } = phase;
  return {
    ...rest,
    train: listOf(train),
    except: listOf(except),
    optimizer: compileOptimizer(optimizer),
    schedule: compileSchedule(schedule, phase.epochs),
    classWeights: typeof classWeights === 'string' ? classWeights : { ...classWeights },
    earlyStopping:
      earlyStopping === null ? null : { ...earlyStopping, metric: earlyStopping.metric ?? metric },
  };
}

function listOf(names: string | readonly string[]): readonly string[] {
  return typeof names === 'string' ? [names] : [...names];
}

function compileOptimizer(optimizer: UserPhase['optimizer']): OptimizerSpec {
  const groups = optimizer.groups.map((group) => ({ ...group, match: listOf(group.match) }));
  if (optimizer.type === 'sgd') return { ...optimizer, groups };
  const { type = 'adam', betas, ...rest } = optimizer;
  return { type, ...rest, beta1: betas[0], beta2: betas[1], groups };
}

function compileSchedule(schedule: UserPhase['schedule'], phaseEpochs: number): ScheduleSpec {
  const { warmup } = schedule;
  switch (schedule.type) {
    case undefined:
    case 'constant':
      return { type: 'constant', warmup };
    case 'cosine':
      return { ...schedule, epochs: schedule.epochs ?? phaseEpochs - (warmup?.epochs ?? 0) };
    default:
      return schedule;
  }
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
  const { beta1, beta2, ...rest } = spec;
  return { ...rest, betas: [beta1, beta2], groups };
}

function scheduleDocument(spec: ScheduleSpec): PhaseDocument['schedule'] {
  const warmup = spec.warmup === null ? null : { ...spec.warmup };
  if (spec.type === 'multistep') return { ...spec, warmup, milestones: [...spec.milestones] };
  return { ...spec, warmup };
}
