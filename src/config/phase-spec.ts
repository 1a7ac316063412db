/** One stage of the training, compiled (run-spec.ts): every default filled in. */
export interface PhaseSpec {
  /** The split point: `head`, `all`, or layers, modules and globs of parameter names; what follows a layer or module is trained too. */
  readonly train: readonly string[];
  /** Layers, modules and globs of parameter names that stay as they are all the same. */
  readonly except: readonly string[];
  readonly epochs: number;
  /** Where this phase starts: the state as it is, or the best epoch's parameters so far. */
  readonly from: 'last' | 'best';
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** Limits of the mean gradient before the update: its Euclidean norm, then each value; null: none. */
  readonly clip: { readonly norm: number | null; readonly value: number | null };
  /** In [0, 1): PyTorch's CrossEntropyLoss(label_smoothing). */
  readonly labelSmoothing: number;
  /** Weight of each class in the loss: `none` 1; `balanced` inversely to its samples; or by the class's name, others 1. */
  readonly classWeights: 'none' | 'balanced' | Readonly<Record<string, number>>;
  /** `once`: each sample once an epoch. `weighted`: drawn with replacement, each class as often. */
  readonly sampling: 'once' | 'weighted';
  /** Parameter alpha of Beta(alpha, alpha), of which mixup's lambda is drawn; 0: no mixup. */
  readonly mixup: number;
  /** Microbatches of `batch.size` samples in one update. */
  readonly accumulate: number;
  readonly earlyStopping: EarlyStoppingSpec | null;
  /** Of trained batch norms: `frozen`, statistics as loaded; `shard`, each shard normalises by its own microbatch. */
  readonly batchNorm: 'frozen' | 'shard';
}

export interface EarlyStoppingSpec {
  readonly metric: 'accuracy' | 'loss';
  /** Evaluations without an improvement after which the phase ends. */
  readonly patience: number;
  /** What is less than this much better is no improvement. */
  readonly minDelta: number;
}

/** A group's parameters (globs, layers or modules; the first group that matches one has it) and what is different for them. */
export interface ParameterGroupSpec {
  readonly match: readonly string[];
  /** null: the optimizer's. */
  readonly learningRate: number | null;
  readonly weightDecay: number | null;
}

interface OptimizerBase {
  readonly learningRate: number;
  /** `adam`, `sgd`: added to the gradient (L2). `adamw`: decoupled. */
  readonly weightDecay: number;
  readonly groups: readonly ParameterGroupSpec[];
}

export interface AdamSpec extends OptimizerBase {
  readonly type: 'adam' | 'adamw';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export interface SgdSpec extends OptimizerBase {
  readonly type: 'sgd';
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
}

export type OptimizerSpec = AdamSpec | SgdSpec;

/** The first `epochs` of a phase: the rate grows linearly, update by update, from `factor` times it (PyTorch's LinearLR). */
export interface WarmupSpec {
  readonly epochs: number;
  readonly factor: number;
}

export type ScheduleSpec = { readonly warmup: WarmupSpec | null } & (
  | { readonly type: 'constant' }
  | { readonly type: 'step'; readonly stepSize: number; readonly gamma: number }
  | { readonly type: 'multistep'; readonly milestones: readonly number[]; readonly gamma: number }
  | { readonly type: 'exponential'; readonly gamma: number }
  /** CosineAnnealingLR over `epochs` (the phase's, without warm-up), to `minRate`. */
  | { readonly type: 'cosine'; readonly epochs: number; readonly minRate: number }
  /** ReduceLROnPlateau on the recorded evaluations of the phase. */
  | {
      readonly type: 'plateau';
      readonly metric: 'accuracy' | 'loss';
      readonly factor: number;
      readonly patience: number;
      readonly threshold: number;
      readonly cooldown: number;
      readonly minRate: number;
    }
);
