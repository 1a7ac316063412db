/** One difference between two fingerprints: where, and both values as JSON (`absent` where there is none). */
export interface FingerprintDifference {
  readonly part: string;
  readonly left: string;
  readonly right: string;
}

/** The first part, in the order of keys, in which two canonical fingerprints (JSON) differ; undefined if none. */
export function fingerprintDifference(
  left: string,
  right: string,
): FingerprintDifference | undefined {
  if (left === right) return undefined;
  return (
    difference(parse(left), parse(right), '') ?? { part: 'fingerprint', left, right } // other spelling of the same JSON
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function difference(
  left: unknown,
  right: unknown,
  path: string,
): FingerprintDifference | undefined {
  if (isRecord(left) && isRecord(right)) {
    for (const key of [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()) {
      const below = difference(left[key], right[key], path === '' ? key : `${path}.${key}`);
      if (below !== undefined) return below;
    }
    return undefined;
  }
  const [leftText, rightText] = [show(left), show(right)];
  if (leftText === rightText) return undefined;
  return { part: path === '' ? 'fingerprint' : path, left: leftText, right: rightText };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
