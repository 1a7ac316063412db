/** One trainable tensor and where it lies in the flat parameter vector, in elements. */
export interface ParameterEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** The one fixed order of a run's trainable parameters: sorted by name (code-unit order), row-major. */
export interface ParameterLayout {
  readonly entries: readonly ParameterEntry[];
  readonly length: number;
}

/** Lays tensors out in the fixed order. */
export function parameterLayout(
  tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
): ParameterLayout {
  const entries: ParameterEntry[] = [];
  let offset = 0;
  for (const { name, shape } of [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const length = shape.reduce((product, side) => product * side, 1);
    entries.push({ name, shape, offset, length });
    offset += length;
  }
  return { entries, length: offset };
}
