import type { TensorSet } from './tensor-set.js';

/** A network in an attribute of an attribute of an attribute. */
const maxDepth = 3;

/** Tensors under one prefix of their names. */
export interface Prefixed {
  /** With its dot: `encoder.`. */
  readonly prefix: string;
  /** What is under the prefix, by the rest of its name. */
  readonly inside: TensorSet;
  /** What is not, by its whole name. */
  readonly outside: TensorSet;
}

/** What most names begin with, up to their first dot; undefined: they have none. */
function commonestStart(names: Iterable<string>): string | undefined {
  const counts = new Map<string, number>();
  for (const name of names) {
    const dot = name.indexOf('.');
    if (dot < 0) continue;
    const start = name.slice(0, dot + 1);
    counts.set(start, (counts.get(start) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** The tensors by the prefixes that most of them share, the shortest first. */
function prefixes(tensors: TensorSet): Prefixed[] {
  const found: Prefixed[] = [];
  let prefix = '';
  for (let inside = tensors; found.length < maxDepth;) {
    const start = commonestStart(inside.keys());
    if (start === undefined) break;
    prefix += start;
    inside = new Map(
      [...inside].flatMap(([name, tensor]) =>
        name.startsWith(start) ? [[name.slice(start.length), tensor] as const] : [],
      ),
    );
    const outside = new Map([...tensors].filter(([name]) => !name.startsWith(prefix)));
    found.push({ prefix, inside, outside });
  }
  return found;
}

/** Whether tensors are those of one linear layer: a classifier that was put behind the network. */
function isClassifier(tensors: TensorSet): boolean {
  const [[first, weight] = [], [second, bias] = [], ...others] = [...tensors].sort(([a], [b]) =>
    a < b ? 1 : -1,
  );
  if (first?.endsWith('.weight') !== true || others.length > 0) return false;
  if (weight?.shape.length !== 2) return false;
  if (second === undefined) return true;
  return second === first.replace(/weight$/, 'bias') && bias?.shape.join() === `${weight.shape[0]}`;
}

/** The tensors of a network that was an attribute of another module. */
export interface Unprefixed {
  readonly prefix: string;
  readonly tensors: TensorSet;
  /** The classifier behind the network that is not taken over. */
  readonly left: readonly string[];
}

/**
 * Takes one prefix off the names of all tensors, or of all but a classifier's, where the rest then `fits` exactly; undefined: there
 * is no such prefix.
 */
export function withoutPrefix(
  given: TensorSet,
  fits: (tensors: TensorSet) => boolean,
): Unprefixed | undefined {
  for (const { prefix, inside, outside } of prefixes(given)) {
    const all = new Map([...inside, ...outside]);
    if (all.size === given.size && fits(all)) return { prefix, tensors: all, left: [] };
    if ((outside.size === 0 || isClassifier(outside)) && fits(inside)) {
      return { prefix, tensors: inside, left: [...outside.keys()] };
    }
  }
  return undefined;
}

/** The prefix under which there is all that `fits` beside tensors of something else; undefined: there is none. */
export function prefixOfPart(
  given: TensorSet,
  fits: (tensors: TensorSet) => boolean,
): string | undefined {
  return prefixes(given).find(({ inside }) => fits(inside))?.prefix;
}
