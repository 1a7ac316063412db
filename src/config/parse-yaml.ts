import { isMap, isNode, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import { FtctlError } from '../errors/index.js';
import type { KeyPath } from './key-path.js';

/** A parsed YAML text and where its parts are. */
export interface ParsedYaml {
  readonly value: unknown;
  /** `name:line:column` of what is at `path`, or of the nearest group around it. */
  locate(path: KeyPath): string;
}

/**
 * Parses one YAML 1.2 document. Throws FT_CONFIG_SYNTAX with line and column. `name` is what the file is called in
 * messages.
 */
export function parseYaml(text: string, name: string): ParsedYaml {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  // An unknown tag is only a warning to the parser, and would be dropped quietly.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    throw new FtctlError('FT_CONFIG_SYNTAX', {
      what: `${at(problem.pos[0])}: not valid YAML. ${problem.message}`,
      cause: problem,
    });
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FtctlError('FT_CONFIG_SYNTAX', {
      what: `${name}: not valid YAML. ${reason}.`,
      cause: error,
    });
  }
  return {
    value,
    locate(path) {
      for (let length = path.length; length >= 0; length -= 1) {
        const offset = offsetAt(document, path.slice(0, length));
        if (offset !== undefined) return at(offset);
      }
      return name;
    },
  };
}

/** Offset of the key (in a group) or of the entry (in a list); undefined where there is none. */
function offsetAt(document: Document.Parsed, path: KeyPath): number | undefined {
  const last = path.at(-1);
  if (last === undefined) return document.contents?.range[0] ?? 0;
  const parent: unknown =
    path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isSeq(parent)) {
    const entry = parent.items[Number(last)];
    return isNode(entry) ? entry.range?.[0] : undefined;
  }
  if (!isMap(parent)) return undefined;
  const key = parent.items.find((pair) => String(pair.key) === String(last))?.key;
  return isNode(key) ? key.range?.[0] : undefined;
}
