import type { KeyPath } from './key-path.js';
import { conflict, unusedIf } from './problem-parts.js';
import type { Problem } from './problems.js';
import type { UserConfig } from './schema.js';
import { defaultShards } from './shards.js';

type UserPhase = UserConfig['phases'][number];
/** The groups that phases are compared with, as far as they are valid. */
type Others = Partial<Pick<UserConfig, 'model' | 'batch' | 'training'>>;

/** What is wrong with the keys of the phases together, and with other groups beside them, in document order. */
export function phaseProblems(phases: readonly UserPhase[], others: Others): Problem[] {
  return phases.flatMap((phase, index) => {
    const at = (...keys: KeyPath): KeyPath => ['phases', index, ...keys];
    return [
      ...splitPointProblems(phase, at, others),
      ...(index === 0 ? startProblems(phase, at) : []),
      ...optimizerProblems(phase, at),
      ...scheduleProblems(phase, at),
      ...samplingProblems(phase, at, others),
      ...mixupProblems(phase, at, others),
    ];
  });
}

type At = (...keys: KeyPath) => KeyPath;

/** Whether the names alone say that the classifier is all that is trained. */
export function isHead({ train }: { readonly train: string | readonly string[] }): boolean {
  return [train].flat().every((name) => name === 'head');
}

function splitPointProblems(phase: UserPhase, at: At, { model }: Others): Problem[] {
  const hasExceptions = [phase.except].flat().length > 0;
  if (isHead(phase)) {
    const reason = (key: string): string =>
      `${at('train').join('.')} is "head", and the classifier ${key}`;
    return [
      ...unusedIf(hasExceptions, at('except'), reason('is always trained')),
      ...unusedIf(phase.batchNorm === 'shard', at('batchNorm'), reason('has no batch norm')),
    ];
  }
  if (model === undefined || model.onnx === null) return [];
  const path = at('train');
  return [
    conflict(
      path,
      `${path.join('.')} is ${JSON.stringify(phase.train)}, and the network is model.onnx.`,
      'A network of your own is frozen: the classifier behind it is all that can be trained.',
      `Set ${path.join('.')} to head, or use an architecture of ftctl's.`,
    ),
  ];
}

function startProblems({ from }: UserPhase, at: At): Problem[] {
  if (from !== 'best') return [];
  return [
    conflict(
      at('from'),
      'phases.0.from is "best".',
      'There is no best epoch before the first phase.',
      'Remove the key, or set it to last.',
    ),
  ];
}

function optimizerProblems({ optimizer }: UserPhase, at: At): Problem[] {
  const name = (key: string): string => at('optimizer', key).join('.');
  const ofMomentum =
    optimizer.type !== 'sgd'
      ? []
      : optimizer.nesterov && (optimizer.momentum === 0 || optimizer.dampening !== 0)
        ? [
            conflict(
              at('optimizer', 'nesterov'),
              `${name('nesterov')} is true, with a momentum of ${optimizer.momentum} and a dampening of ${optimizer.dampening}.`,
              "Nesterov's momentum needs a momentum above 0 and a dampening of 0.",
              `Set ${name('momentum')} (0.9 is usual) and no dampening, or leave out nesterov.`,
            ),
          ]
        : unusedIf(
            optimizer.dampening !== 0 && optimizer.momentum === 0,
            at('optimizer', 'dampening'),
            `${name('momentum')} is 0`,
          );
  const ofGroups = optimizer.groups.flatMap(({ learningRate, weightDecay }, index) => {
    if (learningRate !== null || weightDecay !== null) return [];
    const path = at('optimizer', 'groups', index);
    return [
      conflict(
        path,
        `${path.join('.')} changes nothing.`,
        'A group has a learningRate or weightDecay of its own.',
        'Set one of them, or remove the group.',
      ),
    ];
  });
  return [...ofMomentum, ...ofGroups];
}

function scheduleProblems({ schedule, optimizer, epochs }: UserPhase, at: At): Problem[] {
  const { warmup } = schedule;
  const warmupPath = at('schedule', 'warmup', 'epochs');
  const of = `${at('epochs').join('.')} is ${epochs}`;
  if (warmup !== null && warmup.epochs > epochs) {
    return [
      conflict(
        warmupPath,
        `${warmupPath.join('.')} is ${warmup.epochs}, and ${of}.`,
        'The warm-up is part of the phase.',
        `Set ${warmupPath.join('.')} to at most ${epochs}.`,
      ),
    ];
  }
  const ofCosine =
    schedule.type === 'cosine' && schedule.epochs === undefined && warmup?.epochs === epochs
      ? [
          conflict(
            warmupPath,
            `${warmupPath.join('.')} is ${warmup.epochs}, and ${of}.`,
            'That leaves no epoch in which the learning rate could fall.',
            'Warm up for fewer epochs, or set the type to constant.',
          ),
        ]
      : [];
  if (!('minRate' in schedule)) return ofCosine;
  const rates = [optimizer, ...optimizer.groups].flatMap(({ learningRate }) => learningRate ?? []);
  const lowest = Math.min(...rates);
  if (schedule.minRate <= lowest) return ofCosine;
  const path = at('schedule', 'minRate');
  return [
    ...ofCosine,
    conflict(
      path,
      `${path.join('.')} is ${schedule.minRate}, and the lowest learning rate of the phase is ${lowest}.`,
      'The schedule lowers the learning rate; it cannot end above it.',
      `Set ${path.join('.')} to at most ${lowest}.`,
    ),
  ];
}

function samplingProblems({ sampling }: UserPhase, at: At, { training }: Others): Problem[] {
  if (sampling !== 'weighted' || training?.overfitBatch !== true) return [];
  const path = at('sampling');
  return [
    conflict(
      path,
      `${path.join('.')} is "weighted", and training.overfitBatch is true.`,
      'Where every step has the first batch, nothing is drawn.',
      `Set ${path.join('.')} to once, or training.overfitBatch to false.`,
    ),
  ];
}

function mixupProblems({ mixup }: UserPhase, at: At, { batch }: Others): Problem[] {
  if (mixup === 0 || batch === undefined) return [];
  const shards = batch.shards ?? defaultShards(batch.size);
  if (batch.size !== shards) return [];
  const path = at('mixup');
  return [
    conflict(
      path,
      `${path.join('.')} is ${mixup}, batch.size is ${batch.size} and batch.shards is ${shards}.`,
      'An image is mixed with another one of its shard, and a shard of one image has none.',
      'Set batch.shards to at most half of batch.size, or mixup to 0.',
    ),
  ];
}
