import { imagenetNormalisation } from '../models/weights/weights-source.js';
import { printable } from './progress/words.js';
import type { ImportedWeights, WeightsReport } from './weights-from-cli.js';

const whole = (value: number): string => value.toLocaleString('en-US');

const formatNames: Readonly<Record<WeightsReport['format'], string>> = {
  safetensors: 'safetensors',
  pth: 'PyTorch (zip)',
  'pth-legacy': 'PyTorch (before 1.6)',
  onnx: 'ONNX initializers',
  'tfjs-layers': 'tfjs layers model',
  'tfjs-graph': 'tfjs graph model',
};

function networkText({
  architecture,
  width,
  convention,
}: Pick<ImportedWeights, 'architecture' | 'width' | 'convention'>): string {
  const name = width === 1 ? architecture : `${architecture} of width ${width}`;
  return convention === 'tensorflow' ? `${name}, padded as TensorFlow does` : name;
}

function classesText(numClasses: number | null): string {
  return numClasses === null ? 'no classifier' : `a classifier of ${whole(numClasses)} classes`;
}

function fitLines({ fits, nearest }: WeightsReport): string[] {
  if (fits !== null) return [`fits    ${networkText(fits)}, ${classesText(fits.numClasses)}`];
  if (nearest.length === 0) return ['fits    no architecture of ftctl has such tensors'];
  return [
    'fits    no architecture; the nearest are',
    ...nearest.map(
      ({ architecture, width, matching, needed, unexpected }) =>
        `        ${width === 1 ? architecture : `${architecture} of width ${width}`}: ${matching} of ${needed} tensors, ${unexpected === 1 ? '1 other' : `${unexpected} others`}`,
    ),
  ];
}

/** What `ftctl weights inspect` prints. Pure. */
export function inspectionLines(report: WeightsReport): string[] {
  const { source, format, tensors, numElements, types, normalise, notes } = report;
  const counts = Object.entries(types).map(([type, count]) => `${count} ${printable(type)}`);
  const nameColumns = Math.max(4, ...tensors.map(({ name }) => printable(name).length));
  return [
    printable(source),
    `format  ${formatNames[format]}`,
    `holds   ${whole(tensors.length)} tensors, ${whole(numElements)} values (${counts.join(', ')})`,
    ...fitLines(report),
    ...(normalise === null
      ? []
      : [`images  mean [${normalise.mean.join(', ')}], std [${normalise.std.join(', ')}]`]),
    ...notes.map((note) => `note    ${printable(note)}`),
    '',
    ...tensors.map(
      ({ name, shape, type }) =>
        `${printable(name).padEnd(nameColumns)}  ${printable(type).padEnd(8)}  [${shape.join(', ')}]`,
    ),
  ];
}

/** The lines of a configuration that use imported weights. Pure. */
function configLines({ architecture, width, path, normalise }: ImportedWeights): string[] {
  const isDefault = JSON.stringify(normalise) === JSON.stringify(imagenetNormalisation);
  return [
    'model:',
    `  architecture: ${architecture}`,
    ...(width === 1 ? [] : [`  width: ${width}`]),
    `  weights: ${JSON.stringify(path)}`,
    ...(isDefault
      ? []
      : [
          'data:',
          `  normalise: { mean: [${normalise.mean.join(', ')}], std: [${normalise.std.join(', ')}] }`,
        ]),
  ];
}

/** What `ftctl weights import` prints. Pure. */
export function importLines(imported: ImportedWeights): string[] {
  const { source, numTensors, numElements, numClasses, notes, path } = imported;
  return [
    `${printable(source)} is ${networkText(imported)}, with ${classesText(numClasses)}:`,
    `${whole(numTensors)} tensors, ${whole(numElements)} values.`,
    ...notes.map(printable),
    '',
    `Kept as ${printable(path)}. To train on it:`,
    '',
    ...configLines(imported).map((line) => `  ${line}`),
  ];
}
