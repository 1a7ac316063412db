/** Where a value is in the document: keys and list indexes from the top. */
export type KeyPath = readonly (string | number)[];

/** As users write it: `phases.0.optimizer.betas`. */
export function formatPath(path: KeyPath): string {
  return path.length === 0 ? 'the document' : path.map(String).join('.');
}

/** The inverse of {@link formatPath}; an all-digit part is a list index. */
export function parsePath(text: string): KeyPath {
  return text.split('.').map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part));
}

/** The value at `path`, or undefined where there is none. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) {
      return undefined;
    }
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** A copy of `root` with `value` at `path`; groups that are absent on the way are made. Shares what it does not change. */
export function withValueAt(root: unknown, path: KeyPath, value: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  if (Array.isArray(root)) {
    const copy: unknown[] = [...(root as unknown[])];
    copy[Number(head)] = withValueAt(copy[Number(head)], rest, value);
    return copy;
  }
  const isGroup = typeof root === 'object' && root !== null;
  const copy = new Map<string, unknown>(isGroup ? Object.entries(root) : []);
  copy.set(String(head), withValueAt(copy.get(String(head)), rest, value));
  return Object.fromEntries(copy);
}

/** A value for a message, at most 80 characters of JSON. */
export function show(value: unknown): string {
  if (value === undefined) return 'absent';
  if (typeof value === 'number') return String(value); // JSON has no infinity
  const json = JSON.stringify(value);
  return json.length <= 80 ? json : `${json.slice(0, 77)}...`;
}
