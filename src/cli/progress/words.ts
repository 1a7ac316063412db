/** Numbers and texts as people read them. Pure. */

/** `412`, `1,452`, `12.3M`: at most seven characters below a billion. */
export function count(value: number): string {
  return value >= 10_000_000
    ? `${(value / 1e6).toFixed(1)}M`
    : Math.round(value).toLocaleString('en-US');
}

/** `640 B`, `12.3 kB`, `45.1 MB`: powers of 1000, as disks and networks count. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let power = 0;
  let size = value;
  while (size >= 999.95 && power < units.length - 1) {
    size /= 1000;
    power += 1;
  }
  return `${power === 0 ? size : size.toFixed(1)} ${units[power]!}`;
}

/** `0.4 s`, `12 s`, `3m 05s`, `2h 07m`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m ${two(whole % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** Four decimals, or powers of ten where those would hide the number; `nan` and `inf` as they are. */
export function loss(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return value !== 0 && (value < 0.001 || value >= 10_000)
    ? value.toExponential(2)
    : value.toFixed(4);
}

/** A fraction correct, three decimals. */
export function accuracy(value: number): string {
  return value.toFixed(3);
}

/** `0.003`, `3e-7`: four significant digits at most. */
export function rate(value: number): string {
  const short = Number(value.toPrecision(4));
  return short !== 0 && short < 1e-4 ? short.toExponential() : String(short);
}

/** `1 worker`, `4 workers`; `many` is the word for other numbers than 1. */
export function plural(value: number, noun: string, many = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : many}`;
}

/**
 * Text that came from outside (file names, messages of other processes) on one line, without the control
 * characters that could move a terminal's cursor or change its state.
 */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is to be removed
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}
