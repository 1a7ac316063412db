import type { ArchitectureSummary } from '../models/describe/architecture-list.js';
import type {
  ArchitectureReport,
  ModuleReport,
  ParameterCounts,
  ReportLine,
} from '../models/describe/architecture-report.js';

import { isParameterPattern, type SplitPoint } from '../models/split-point.js';
import { bytes as bytesText } from './progress/words.js';

const whole = (value: number): string => value.toLocaleString('en-US');

/** Multiply-adds in 10^9. */
const giga = (value: number): string => `${(value / 1e9).toFixed(value < 1e9 ? 3 : 2)} G`;

/** The short form of `torchvision:resnet50/IMAGENET1K_V2` and `npm:nsfwjs@4.4.0#inception_v3`. */
function weightsText(weights: readonly string[]): string {
  const names = weights.map((name) => /IMAGENET1K_(V\d)$/.exec(name)?.[1] ?? 'nsfwjs');
  return [...new Set(names)].join(' ');
}

/** The architectures as a table of at most 80 columns. Pure. */
export function modelsTable(architectures: readonly ArchitectureSummary[]): string[] {
  const row = (name: string, cells: readonly string[], weights: string): string =>
    [name.padEnd(14), ...cells.map((cell) => cell.padStart(12)), `  ${weights}`].join('');
  const aliases = architectures.flatMap(({ name, aliases }) =>
    aliases.map((alias) => `${alias} is ${name}`),
  );
  return [
    row('NAME', ['PARAMETERS', 'IMAGE', 'FEATURES', 'MULT-ADDS'], 'WEIGHTS').trimEnd(),
    ...architectures.map(({ name, weights, ...model }) =>
      row(
        name,
        [
          whole(model.numParameters),
          `${model.imageSize} (${model.smallestImageSize}+)`,
          whole(model.numFeatures),
          giga(model.multiplyAdds),
        ],
        weightsText(weights),
      ),
    ),
    '',
    'PARAMETERS  with 1,000 classes',
    'IMAGE       side in pixels the weights were trained on (smallest that works)',
    'FEATURES    values that the frozen network gives for such an image',
    'WEIGHTS     V1, V2: torchvision:NAME/IMAGENET1K_V1 and _V2; pretrained is V1',
    '            nsfwjs: npm:nsfwjs@4.4.0#MODEL',
    ...wrap(`ALSO        ${aliases.join('; ')}`, 80, ' '.repeat(12), '; '),
  ];
}

/** Text in lines of at most `columns`, broken after `separator`; the later ones begin with `indent`. */
function wrap(text: string, columns: number, indent: string, separator: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of text.split(new RegExp(`(?<=${separator})`))) {
    if (line !== '' && line.length + part.trimEnd().length > columns) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += part;
  }
  return [...lines, line.trimEnd()];
}

/** Widths of the columns beside the tree; `14  2048x38x38  123,456,789  trained`. */
const cells = { output: 12, parameters: 13, trained: 9 } as const;
const cellColumns = cells.output + cells.parameters + cells.trained;
/** The tree is never narrower than this, whatever the terminal. */
const minTreeColumns = 44;

function cellsText(output: string, parameters: string, trained: string): string {
  return `${output.padStart(cells.output)}${parameters.padStart(cells.parameters)}  ${trained}`;
}

/** What keeps its input's shape and has no parameters says nothing. */
const isQuiet = ({ text }: ModuleReport): boolean => /^(ReLU6?|Dropout)\(/.test(text);

function moduleCells(module: ModuleReport): string {
  if (isQuiet(module)) return '';
  return cellsText(
    module.outputShape === null ? '-' : module.outputShape.join('x'),
    module.numParameters === 0 ? '' : whole(module.numParameters),
    module.trained ?? '',
  ).trimEnd();
}

/** The tree as PyTorch prints it, with columns at its right; a line that is too long goes on below. */
function treeLines(lines: readonly ReportLine[], columns: number): string[] {
  const longest = Math.max(...lines.map(({ text }) => text.length));
  const room = Math.max(minTreeColumns, Math.min(longest, columns - cellColumns));
  return [
    `${' '.repeat(room)}${cellsText('OUTPUT', 'PARAMETERS', '')}`.trimEnd(),
    ...lines.flatMap(({ text, module }) => {
      const indent = ' '.repeat(text.length - text.trimStart().length + 4);
      const [first, ...rest] = wrap(text, room, indent, ', ');
      const right = module === undefined ? '' : moduleCells(module);
      return [`${first!.padEnd(room)}${right}`.trimEnd(), ...rest];
    }),
  ];
}

function countLines(report: ArchitectureReport): string[] {
  const columns = [report.published, ...(report.replaced === null ? [] : [report.replaced])];
  const line = (name: string, text: (counts: ParameterCounts) => string): string =>
    [name.padEnd(14), ...columns.map((counts) => text(counts).padStart(16))].join('');
  const titles = ['as published', 'replaced'].slice(0, columns.length);
  return [
    [' '.repeat(14), ...titles.map((title) => title.padStart(16))].join(''),
    line('classes', ({ numClasses }) => whole(numClasses)),
    line('parameters', ({ total }) => whole(total)),
    line('  frozen', ({ frozen }) => whole(frozen)),
    line('  trained', ({ trained }) => whole(trained)),
    line('multiply-adds', ({ multiplyAdds }) => giga(multiplyAdds)),
  ];
}

function classifierLines({ classifiers, replaced }: ArchitectureReport): string[] {
  if (replaced === null) return [];
  return [
    '',
    'REPLACED',
    ...classifiers.flatMap(({ path, before, after }) => [
      `  (${path}): ${before}`,
      `  ${' '.repeat(path.length + 1)}-> ${after}`,
    ]),
  ];
}

function trainedText({ train, except }: SplitPoint): string {
  if (train.every((entry) => entry === 'head')) {
    return 'The classifier is trained, the rest is frozen.';
  }
  if (train.includes('all')) {
    return except.length === 0
      ? 'Everything is trained.'
      : `Everything is trained but ${except.join(', ')}.`;
  }
  const named = train.map((entry) =>
    entry === 'head' || isParameterPattern(entry) ? entry : `${entry} and what follows it`,
  );
  const but = except.length === 0 ? '' : ` Without ${except.join(', ')}.`;
  return `Trained: ${named.join(', ')}, and the classifier; the rest is frozen.${but}`;
}

/** A dense block that is divided takes one of each of its layers; `--json` has them all. */
const maxBoundaries = 4;

/** What a split point costs: what is computed once and kept for each image, and what workers exchange. */
function splitLines({ split }: ArchitectureReport): string[] {
  const { share, boundaries, numFeatures, featureBytes, gradientBytes, numTrained } = split;
  const numMore = boundaries.length - maxBoundaries;
  const line = (name: string, text: string): string => `${name.padEnd(14)}  ${text}`;
  return [
    '',
    line('trained', `${whole(numTrained)} parameters, ${(100 * share).toFixed(1)} %`),
    ...boundaries
      .slice(0, maxBoundaries)
      .map(({ layer, shape }, i) =>
        line(i === 0 ? 'taken from' : '', `${layer} ${shape.join('x')}`),
      ),
    ...(numMore > 0 ? [line('', `and ${numMore} more`)] : []),
    line('features', `${whole(numFeatures)}, ${bytesText(featureBytes)} an image and view`),
    line('gradient', `${bytesText(gradientBytes)} a step`),
  ];
}

/** What `ftctl models show` prints, for a terminal of so many columns; Infinity: the tree's lines as PyTorch has them. Pure. */
export function modelReport(
  report: ArchitectureReport,
  lines: readonly ReportLine[],
  columns: number,
): string[] {
  const { architecture, width, imageSize, split, numFeatures } = report;
  const name = width === 1 ? architecture : `${architecture} of width ${width}`;
  return [
    `${name}, images of ${imageSize} x ${imageSize}, ${whole(numFeatures)} features`,
    trainedText(split),
    '',
    ...countLines(report),
    ...splitLines(report),
    ...classifierLines(report),
    '',
    ...treeLines(lines, columns),
  ];
}
