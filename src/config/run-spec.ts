import type { PhaseSpec } from './phase-spec.js';

export type { OptimizerSpec, PhaseSpec } from './phase-spec.js';

/**
 * The compiled configuration of a run: every default filled in, every path absolute, units in the names, frozen.
 * `compile.ts` is the only maker. What a user writes is described by `schema.ts`.
 */
export interface RunSpec {
  readonly name: string;
  /** Seeds the split, the plan, the views and the initial classifier. An integer in [0, 2^32). */
  readonly seed: number;
  readonly data: DataSpec;
  readonly model: ModelSpec;
  readonly phases: readonly PhaseSpec[];
  readonly batch: BatchSpec;
  readonly workers: { readonly count: number };
  /** How long a worker may say nothing before the others go on without it. */
  readonly toleranceMs: number;
  /** How the best epoch is chosen, on the val split. */
  readonly best: { readonly metric: 'accuracy' | 'loss' };
  readonly engine: EngineSpec;
  readonly cache: CacheSpec;
  readonly checkpoint: CheckpointSpec;
  readonly metrics: MetricsSpec;
  readonly security: { readonly host: string; readonly port: number };
  readonly training: {
    /** Smoke check: at most this many steps an epoch, and as many evaluation batches; null for all. */
    readonly limitBatches: number | null;
    /** Smoke check: every step trains on the first batch of epoch 0, plain view. */
    readonly overfitBatch: boolean;
  };
}

export interface DataSpec {
  /** `npm:NAME@VERSION`, an `https:` address of an archive, or the absolute path of a folder, a manifest or an archive. */
  readonly source: string;
  /** Pinned `sha512-...` of an `npm:` source's tarball; null otherwise. */
  readonly integrity: string | null;
  /** SHA-256 of an archive, lower-case hex; null where it is not pinned. */
  readonly sha256: string | null;
  /** Folder or manifest inside of an archive, relative; null: its top, or the folder that is alone there. */
  readonly within: string | null;
  /** Absolute path of the rule file that makes samples out of a package or an archive; null otherwise. */
  readonly rules: string | null;
  /** Absolute path of an id -> name JSON (as cat_to_name.json); null: names are the folder names. */
  readonly classNames: string | null;
  readonly split: SplitSpec;
  readonly onBadFile: 'fail' | 'skip';
  /** Side of the square network input, in pixels. */
  readonly imageSize: number;
  /** Number of distinct augmented views of each sample, cycled over the epochs; null: a fresh one each epoch. */
  readonly views: number | null;
  /** `resize`: shorter side, in pixels, before the plain view's centre crop; null: `imageSize`. */
  readonly valTransform: { readonly resize: number | null };
  /** RGB that transparent pixels, and what lies outside of a moved image, are filled with. */
  readonly background: readonly [number, number, number];
  readonly augment: AugmentSpec;
  /** Overrides the weights' own normalisation; null: as the weights say. */
  readonly normalise: { readonly mean: Rgb; readonly std: Rgb } | null;
}

/** Fractions; they sum to 1. Ignored for a source that brings its own splits. */
export interface SplitFractions {
  readonly train: number;
  readonly val: number;
  readonly test: number;
}

export interface SplitSpec extends SplitFractions {
  /** `COLUMN`, or `/REGEX/` on the path: images of one group are in one split; null: each image for itself. */
  readonly groupBy: string | null;
}

export type Rgb = readonly [number, number, number];

/** Ranges that a view's parameters are drawn from, uniformly. Neutral values switch a transform off. */
export interface AugmentSpec {
  /** Degrees: the angle is in [-rotate, rotate]. */
  readonly rotate: number;
  /** Probabilities. */
  readonly flipHorizontal: number;
  readonly flipVertical: number;
  /** Zoom factor range, around 1. */
  readonly scale: readonly [number, number];
  /** Fraction of the side: the shift in x and in y is in [-translate, translate]. */
  readonly translate: number;
  /** Range of the random crop's area as a fraction of the image; [1, 1] is no crop. */
  readonly crop: readonly [number, number];
  /** The factor is in [max(0, 1 - v), 1 + v], as torchvision's ColorJitter. */
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** The shift of the hue is in [-hue, hue], in turns; at most 0.5. */
  readonly hue: number;
  /** Probability. */
  readonly grayscale: number;
  /** torchvision's RandomResizedCrop in place of `crop`; null: off. Area of the whole image; ratio is width / height. */
  readonly randomResizedCrop: {
    readonly area: readonly [number, number];
    readonly ratio: readonly [number, number];
  } | null;
  /** torchvision's RandomErasing; null: off. Area of the view; ratio is height / width, as torchvision has it there. */
  readonly randomErasing: {
    readonly probability: number;
    readonly area: readonly [number, number];
    readonly ratio: readonly [number, number];
  } | null;
}

/** The frozen network: one of ftctl's architectures, or a graph of the user's own. */
export type ModelSpec = ArchitectureSpec | OnnxModelSpec;

export interface OnnxModelSpec {
  /** Absolute path of an ONNX file, which takes images and gives features. */
  readonly onnx: string;
  /** Which of its outputs has the features; null: the only one. */
  readonly output: string | null;
}

export interface ArchitectureSpec {
  readonly architecture: string;
  /** Width multiplier (mobilenet_v2); 1 for the others. */
  readonly width: number;
  /** An absolute path, or a word or address as src/models/weights/weights-source.ts reads it. */
  readonly weights: string;
  /** Pinned hash of a package or a download; null otherwise. */
  readonly integrity: string | null;
}

export interface BatchSpec {
  /** Samples of a global batch. */
  readonly size: number;
  /** Virtual shards; divides `size`. */
  readonly shards: number;
}

export interface EngineSpec {
  readonly provider: 'cpu' | 'cuda' | 'webgpu';
  /** Threads of one worker's backbone; null: cores / local workers, at least 1. */
  readonly threads: number | null;
}

export interface CacheSpec {
  /** Absolute folder. */
  readonly path: string;
  /** null: on for finite views, off for fresh ones. */
  readonly features: boolean | null;
  readonly images: boolean;
}

export interface CheckpointSpec {
  /** A checkpoint after each this many epochs; the last epoch always has one. */
  readonly everyEpochs: number;
}

export interface MetricsSpec {
  readonly enabled: boolean;
  readonly host: string;
  /** Port of the coordinator's HTTP server, worker N uses port + 1 + N; 0: any free port for each. */
  readonly port: number;
}
