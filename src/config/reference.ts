import { z } from 'zod';
import type { KeyPath } from './key-path.js';
import { configSchema } from './schema.js';

/** The part of JSON Schema that zod writes for our schema, with the extra words of `schema.ts`. */
export interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode | false;
  readonly prefixItems?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly 'x-allowed'?: string;
  readonly 'x-default'?: string;
  readonly 'x-unsupported'?: string;
}

let annotated: SchemaNode | undefined;

/** The schema as a JSON Schema tree, extra words included. */
function schemaTree(): SchemaNode {
  annotated ??= z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;
  return annotated;
}

/** The JSON Schema that editors read (draft 2020-12), without our extra words. */
export function jsonSchema(): Record<string, unknown> {
  const strip = (_key: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('x-')))
      : value;
  const plain = JSON.parse(JSON.stringify(schemaTree(), strip)) as Record<string, unknown>;
  return { ...plain, title: 'ftctl training run' };
}

/** The alternatives of a node that are groups of keys (one, for a plain group). */
function groups(node: SchemaNode): readonly SchemaNode[] {
  if (node.properties !== undefined) return [node];
  return (node.anyOf ?? node.oneOf ?? []).filter((option) => option.properties !== undefined);
}

/** The keys that a group may have; empty if the node is none. */
export function keysOf(node: SchemaNode): readonly string[] {
  return [...new Set(groups(node).flatMap((group) => Object.keys(group.properties ?? {})))];
}

function child(node: SchemaNode, part: string | number): SchemaNode | undefined {
  if (typeof part === 'number') {
    return node.prefixItems?.[part] ?? (node.items === false ? undefined : node.items);
  }
  const found = groups(node).flatMap((group) =>
    group.properties !== undefined && Object.hasOwn(group.properties, part)
      ? [group.properties[part]!]
      : [],
  );
  if (found.length === 0) return entryOf(node);
  const first = JSON.stringify(found[0]);
  if (found.every((other) => JSON.stringify(other) === first)) return found[0];
  // The tag of alternatives: all of its values, and the words of the alternative that has them.
  return { ...Object.assign({}, ...found), const: undefined, anyOf: found } as SchemaNode;
}

/** What a group whose keys are the user's own (names of classes) has in each. */
function entryOf(node: SchemaNode): SchemaNode | undefined {
  const entries = [node, ...(node.anyOf ?? [])].flatMap(({ additionalProperties: entry }) =>
    typeof entry === 'object' ? [entry] : [],
  );
  return entries[0];
}

/** The keys of one of the types of a group of alternatives, undefined being the default one; of other groups all keys. */
export function keysOfType(node: SchemaNode, type: unknown): readonly string[] {
  const byDefault = child(node, 'type')?.default;
  const own = groups(node).filter(
    ({ properties = {} }) => properties['type']?.const === (type ?? byDefault),
  );
  return own.length === 0 ? keysOf(node) : Object.keys(own[0]!.properties ?? {});
}

/** The types of a group of alternatives that have a key, as `step` and `multistep` have `gamma`. */
export function typesWith(node: SchemaNode, key: string): readonly string[] {
  return groups(node).flatMap(({ properties = {} }) =>
    Object.hasOwn(properties, key) ? [String(properties['type']?.const)] : [],
  );
}

/** The node that describes the value at `path`, or undefined if no such key exists. */
export function schemaAt(path: KeyPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = schemaTree();
  for (const part of path) {
    node = child(node, part);
    if (node === undefined) return undefined;
  }
  return node;
}

function bounds(node: SchemaNode): string {
  // zod bounds every integer by what a float64 can count.
  const max = node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum;
  if (node.minimum !== undefined && max !== undefined) return ` from ${node.minimum} to ${max}`;
  const parts = [
    node.minimum === undefined ? [] : [`at least ${node.minimum}`],
    node.exclusiveMinimum === undefined ? [] : [`above ${node.exclusiveMinimum}`],
    max === undefined ? [] : [`at most ${max}`],
    node.exclusiveMaximum === undefined ? [] : [`below ${node.exclusiveMaximum}`],
  ].flat();
  const words = parts.join(' and ');
  return words === '' ? '' : words.startsWith('at') ? ` of ${words}` : ` ${words}`;
}

function alternatives(words: readonly string[]): string {
  const unique = [...new Set(words.flatMap((word) => word.split(' or ')))];
  const last = unique.pop() ?? '';
  return unique.length === 0 ? last : `${unique.join(', ')} or ${last}`;
}

const quote = (value: unknown): string => `\`${String(value)}\``;

/** What a value at this node may be, in words: "a whole number from 8 to 2048". */
export function allowed(node: SchemaNode): string {
  if (node['x-allowed'] !== undefined) return node['x-allowed'];
  const options = node.anyOf ?? node.oneOf;
  if (options !== undefined) return alternatives(options.map(allowed));
  if (node.enum !== undefined) return alternatives(node.enum.map(quote));
  if (node.const !== undefined) return quote(node.const);
  if (node.prefixItems !== undefined) {
    const each = allowed(node.prefixItems[0]!).replace(/^a (whole )?number/, '$1numbers');
    return `a list of ${node.prefixItems.length} ${each}`;
  }
  switch (node.type) {
    case 'integer':
      return `a whole number${bounds(node)}`;
    case 'number':
      return `a number${bounds(node)}`;
    case 'boolean':
      return '`true` or `false`';
    case 'string':
      return 'text';
    case 'null':
      return 'null';
    case 'array':
      return 'a list of at least one entry';
    default:
      return `a group of keys (${keysOf(node).join(', ')})`;
  }
}

/** One line of the reference in docs/config.md. */
export interface KeyDescription {
  /** `data.augment.rotate`; `phases[].epochs` for a key of each list entry. */
  readonly key: string;
  readonly allowed: string;
  /** As YAML, or in words where it is computed; `required` where there is none. */
  readonly default: string;
  readonly description: string;
}

/** Every key that is not itself a group, in document order. */
export function describeKeys(): readonly KeyDescription[] {
  const rows: KeyDescription[] = [];
  const visit = (node: SchemaNode, name: string, required: boolean): void => {
    if (node.type === 'array' && node.items && keysOf(node.items).length > 0) {
      if (node.default !== undefined) rows.push(row(node, name, false)); // a list that may be left out
      visit(node.items, `${name}[]`, required);
      return;
    }
    const keys = keysOf(node);
    if (keys.length > 0) {
      if (node.default === null) rows.push(row(node, name, false)); // a group that may be left out
      const mandatory = groups(node)[0]?.required ?? [];
      for (const key of keys) {
        const at = child(node, key)!;
        visit(at, name === '' ? key : `${name}.${key}`, mandatory.includes(key));
      }
      return;
    }
    rows.push(row(node, name, required));
  };
  visit(schemaTree(), '', true);
  return rows;
}

function row(node: SchemaNode, key: string, required: boolean): KeyDescription {
  return {
    key,
    allowed: allowed(node),
    default: node['x-default'] ?? defaultOf(node, required),
    description: node.description ?? '',
  };
}

function defaultOf(node: SchemaNode, required: boolean): string {
  if (node.default !== undefined) return `\`${JSON.stringify(node.default)}\``.replaceAll('"', '');
  return required ? 'required' : 'none';
}
