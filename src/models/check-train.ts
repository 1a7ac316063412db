import type { KeyPath } from '../config/key-path.js';
import { isHead } from '../config/phase-checks.js';
import { conflict } from '../config/problem-parts.js';
import type { Problem } from '../config/problems.js';
import type { BatchSpec, PhaseSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import type { Network } from './network.js';
import { inferShapes, smallestImageSize, type Shape } from './shapes.js';
import { singlePixelNorm } from './single-values.js';
import {
  lossOutputs,
  matchesParameter,
  parametersNamed,
  resolveTrained,
  trainedBatchNorms,
} from './split-point.js';

/** What phases are compared with; what is absent is faulty itself. */
interface TrainContext {
  readonly phases: readonly PhaseSpec[];
  readonly batch?: BatchSpec;
  /** Side of the images in pixels. */
  readonly imageSize?: number;
}

/**
 * What of the phases does not fit to the network that they train: names of nothing, exceptions and groups without a parameter, batch
 * norms that cannot normalise. Of a phase whose split point is none, only that is told.
 */
export function trainProblems(network: Network, context: TrainContext): Problem[] {
  let before: ReadonlySet<string> = new Set();
  return context.phases.flatMap((phase, index) => {
    const at: At = (...keys) => ['phases', index, ...keys];
    const ofNames = nameProblems(network, phase, at);
    if (ofNames.length > 0) return ofNames;
    const trained = resolveTrained(network, phase);
    const moved = new Set([...before, ...trained]);
    const problems = [
      ...exceptProblems(network, phase, at),
      ...groupProblems(network, phase, trained, at),
      ...imageProblems(network, { ...context, phase, trained, before, moved, at }),
    ];
    before = moved;
    return problems;
  });
}

type At = (...keys: KeyPath) => KeyPath;

/** The entry's place where there are several; one may be written without a list. */
function entryPath(at: At, key: string, entries: readonly string[], index: number): KeyPath {
  return entries.length === 1 ? at(key) : at(key, index);
}

function nameProblems(network: Network, { train, except }: PhaseSpec, at: At): Problem[] {
  return [
    ...train.flatMap((entry, index) =>
      refusal(entryPath(at, 'train', train, index), () =>
        resolveTrained(network, { train: [entry], except: [] }),
      ),
    ),
    ...except.flatMap((entry, index) =>
      refusal(entryPath(at, 'except', except, index), () =>
        resolveTrained(network, { train: ['all'], except: [entry] }),
      ),
    ),
  ];
}

/** The FtctlError of `work` as a problem of the key at `path`. */
function refusal(path: KeyPath, work: () => unknown): Problem[] {
  try {
    work();
    return [];
  } catch (error) {
    if (!(error instanceof FtctlError)) throw error;
    const { code, message, remedy, details } = error;
    return [
      {
        ...{ code, path, remedy },
        what: `${path.join('.')}: ${message}`,
        ...(details === undefined ? {} : { details }),
      },
    ];
  }
}

function exceptProblems(network: Network, phase: PhaseSpec, at: At): Problem[] {
  if (isHead(phase)) return [];
  const { train, except } = phase;
  const classifier = new Set(resolveTrained(network, { train: ['head'], except: [] }));
  const trained = resolveTrained(network, { train, except: [] }).filter(
    (name) => !classifier.has(name),
  );
  return except.flatMap((entry, index) => {
    if (trained.some((name) => matchesParameter(name, entry))) return [];
    const path = entryPath(at, 'except', except, index);
    return [
      conflict(
        path,
        `${path.join('.')} is ${entry}, of which nothing would be trained.`,
        `${at('train').join('.')} is ${train.join(', ')}.`,
        'Remove it.',
      ),
    ];
  });
}

function groupProblems(
  network: Network,
  { optimizer: { groups } }: PhaseSpec,
  trained: readonly string[],
  at: At,
): Problem[] {
  let left = trained;
  return groups.flatMap(({ match }, index) => {
    const own = match.map((entry) => trained.filter((name) => matchesParameter(name, entry)));
    const before = left;
    left = left.filter((name) => !own.some((names) => names.includes(name)));
    const problems = match.flatMap((entry, k) => {
      if (own[k]!.length > 0) return [];
      const path = entryPath(at.bind(null, 'optimizer', 'groups', index), 'match', match, k);
      return matchProblems(network, entry, path);
    });
    if (problems.length > 0 || left.length < before.length) return problems;
    const path = at('optimizer', 'groups', index);
    return [
      conflict(
        path,
        `${path.join('.')} has no parameter.`,
        'A parameter belongs to the first group that matches it, and the groups before have them all.',
        'Put the narrower group first, or remove this one.',
      ),
    ];
  });
}

/** Of a name that matches no trained parameter. */
function matchProblems(network: Network, entry: string, path: KeyPath): Problem[] {
  if (entry === 'head') {
    const what = `${path.join('.')} is head, which is no name in the network.`;
    const remedy = `Name the classifier as it is called here: ${network.classifier}.`;
    return [{ code: 'FT_MODEL_LAYER', path, what, remedy }];
  }
  const ofName = refusal(path, () => parametersNamed(network, entry));
  if (ofName.length > 0) return ofName;
  return [
    conflict(
      path,
      `${path.join('.')} is ${entry}, of which this phase trains nothing.`,
      "A group's learning rate and weight decay are for parameters that are trained.",
      'Train them, or remove the name.',
    ),
  ];
}

interface ImageContext extends TrainContext {
  readonly phase: PhaseSpec;
  readonly trained: readonly string[];
  /** What moves in the phases before this one, and in these and this one. */
  readonly before: ReadonlySet<string>;
  readonly moved: ReadonlySet<string>;
  readonly at: At;
}

/** What depends on the sizes of the images within the network. */
function imageProblems(network: Network, context: ImageContext): Problem[] {
  const { phase, moved, at, imageSize } = context;
  let shapes: ReadonlyMap<string, Shape> = new Map();
  const tooSmall = refusal(at('train'), () => {
    if (imageSize !== undefined) {
      shapes = inferShapes(network, imageSize, ...lossOutputs(network, moved));
    }
  });
  if (tooSmall.length > 0) return isNews(network, context) ? tooSmall : [];
  return phase.batchNorm === 'shard' && !isHead(phase)
    ? batchNormProblems(network, context, shapes)
    : [];
}

/**
 * Whether the phase is the first that takes the loss of an auxiliary classifier, which images can be too small for. Those that are too
 * small for the network itself are told where the model is checked.
 */
function isNews(network: Network, { before, moved, imageSize = 0 }: ImageContext): boolean {
  const isNew = lossOutputs(network, moved).length > lossOutputs(network, before).length;
  return isNew && imageSize >= smallestImageSize(network);
}

function batchNormProblems(
  network: Network,
  { trained, at, batch, imageSize }: ImageContext,
  shapes: ReadonlyMap<string, Shape>,
): Problem[] {
  const path = at('batchNorm');
  const layers = trainedBatchNorms(network, trained);
  if (layers.length === 0) {
    return [
      conflict(
        path,
        `${path.join('.')} is "shard", and the phase trains no batch norm.`,
        'Batch norms that are not trained keep their statistics.',
        `Remove ${path.join('.')}.`,
      ),
    ];
  }
  if (batch === undefined || batch.size !== batch.shards) return [];
  const single = singlePixelNorm(layers, shapes);
  if (single === undefined) return [];
  return [
    conflict(
      path,
      `${path.join('.')} is "shard", batch.size is ${batch.size}, batch.shards is ${batch.shards}, and of images of ${imageSize} x ${imageSize} pixels ${single.name} has 1 x 1.`,
      'One value of a channel has no variance.',
      'Set batch.shards to at most half of batch.size, raise data.imageSize, or set batchNorm to frozen.',
    ),
  ];
}
