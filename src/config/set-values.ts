import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { FtctlError } from '../errors/index.js';
import { formatPath, parsePath, valueAt, withValueAt, type KeyPath } from './key-path.js';
import { problemsError, unknownKey } from './problems.js';
import { schemaAt } from './reference.js';

/** A parsed `--set path=value`. */
export interface SetValue {
  readonly argument: string;
  readonly path: KeyPath;
  readonly value: unknown;
}

/**
 * Parses one `path=value`. The value is a YAML scalar or flow collection: `64`, `fresh`, `[0.9, 0.999]`.
 * Throws FT_CONFIG_BAD_SET.
 */
export function parseSet(argument: string): SetValue {
  const split = argument.indexOf('=');
  if (split <= 0 || argument.slice(0, split).split('.').includes('')) {
    throw new FtctlError('FT_CONFIG_BAD_SET', {
      what: `--set ${argument}: this is not of the form path=value.`,
    });
  }
  const text = argument.slice(split + 1);
  const document = parseDocument(text, { prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  const { contents } = document;
  const isFlow = (isMap(contents) || isSeq(contents)) && contents.flow === true;
  if (problem !== undefined || !(contents === null || isScalar(contents) || isFlow)) {
    throw new FtctlError('FT_CONFIG_BAD_SET', {
      what: `--set ${argument}: the value is not a YAML value on one line.`,
      why: problem?.message ?? 'It reads as a block; a text with a colon and a space needs quotes.',
      remedy: 'Write a number, a text, or a flow list or group such as `[0.9, 0.999]`.',
    });
  }
  return { argument, path: parsePath(argument.slice(0, split)), value: document.toJS() };
}

/** The document with the values put in, in order. Throws FT_CONFIG_UNKNOWN_KEY for a path that cannot be. */
export function applySets(document: unknown, sets: readonly SetValue[]): unknown {
  return sets.reduce<unknown>((current, set) => {
    checkPath(current, set);
    return withValueAt(current, set.path, set.value);
  }, document);
}

/** Keys that describe the value of another key, and have no meaning for a value that replaces it. */
const belongings: ReadonlyMap<string, readonly KeyPath[]> = new Map([
  [
    'data.source',
    [
      ['data', 'integrity'],
      ['data', 'sha256'],
      ['data', 'within'],
      ['data', 'rules'],
    ],
  ],
  [
    'model.weights',
    [
      ['model', 'integrity'],
      ['model', 'onnx'],
      ['model', 'output'],
    ],
  ],
  [
    'model.architecture',
    [
      ['model', 'onnx'],
      ['model', 'output'],
    ],
  ],
  [
    'model.onnx',
    [
      ['model', 'output'],
      ['model', 'architecture'],
      ['model', 'weights'],
      ['model', 'integrity'],
    ],
  ],
]);

/** `data.source` of a key that describes its value, such as `data.sha256`; undefined of others. */
export function ownerOf(path: KeyPath): KeyPath | undefined {
  const name = formatPath(path);
  const ofSource = belongings.get('data.source') ?? [];
  return ofSource.some((key) => formatPath(key) === name) ? ['data', 'source'] : undefined;
}

/**
 * The same arguments, and before them what they imply: another `data.source`, `model.weights` or `model.onnx` leaves behind what the
 * document says of its own one, so that `--set data.source=FOLDER` is enough. What is set itself stays.
 */
export function withImpliedSets(document: unknown, sets: readonly SetValue[]): SetValue[] {
  const last = new Map(sets.map((set) => [formatPath(set.path), set]));
  const implied = [...last].flatMap(([name, { argument, path, value }]) => {
    if (valueAt(document, path) === value) return [];
    return (belongings.get(name) ?? [])
      .filter((key) => !last.has(formatPath(key)) && valueAt(document, key) != null)
      .map((key) => ({ argument, path: key, value: null }));
  });
  return [...implied, ...sets];
}

function checkPath(document: unknown, { argument, path }: SetValue): void {
  for (let length = 1; length <= path.length; length += 1) {
    const part = path[length - 1]!;
    const parent = path.slice(0, length - 1);
    if (schemaAt(path.slice(0, length)) === undefined) {
      throw problemsError([unknownKey(path.slice(0, length), document)], () => `--set ${argument}`);
    }
    const list = valueAt(document, parent);
    if (typeof part === 'number' && (!Array.isArray(list) || part >= list.length)) {
      const count = Array.isArray(list) ? list.length : 0;
      throw new FtctlError('FT_CONFIG_UNKNOWN_KEY', {
        what: `--set ${argument}: ${formatPath(path.slice(0, length))} does not exist.`,
        why: `${formatPath(parent)} has ${count} ${count === 1 ? 'entry' : 'entries'}, counted from 0.`,
        remedy: `Set an entry that exists, or the whole list: \`--set ${formatPath(parent)}=[...]\`.`,
      });
    }
  }
}
