import type { ProcessExit } from './target.js';

/**
 * How a process ended, as the second half of a sentence that starts with its name: `was killed by SIGKILL (...)`.
 * `tail` is the end of its log: our own lines are JSON, all others came from Node or from native code.
 */
export function exitCause(exit: ProcessExit, tail: readonly string[]): string {
  if (exit.startError !== undefined) return `could not be started (${exit.startError.message})`;
  if (tail.some((line) => line.includes('heap out of memory'))) {
    return 'ran out of JavaScript heap memory';
  }
  if (exit.signal === 'SIGKILL') {
    return 'was killed by SIGKILL (by hand, or by the system because memory ran out)';
  }
  const said = lastWords(tail);
  const words = said === null ? '' : `: ${said}`;
  if (exit.signal !== null && crashes.has(exit.signal)) {
    return `crashed in native code with ${exit.signal}${words}`;
  }
  if (exit.signal !== null) return `was ended by ${exit.signal}`;
  return `ended with exit code ${String(exit.code)}${words}`;
}

const crashes = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGTRAP']);
const maxWords = 200;

/** The line of a log's end that says most: an error's message, else the last line that is no stack frame. */
function lastWords(tail: readonly string[]): string | null {
  const lines = tail.map(spoken).filter((line) => line !== null);
  const error = lines.findLast(({ isError }) => isError);
  const text = (error ?? lines.at(-1))?.text;
  if (text === undefined) return null;
  return text.length <= maxWords ? text : `${text.slice(0, maxWords)}...`;
}

function spoken(line: string): { text: string; isError: boolean } | null {
  const text = line.trim();
  if (text.startsWith('{') && text.endsWith('}')) return logged(text);
  const isNoise =
    text === '' || /^(at |Node\.js v|\^+$|\/\/|[{}[\]]|triggerUncaught|throw )/.test(text);
  if (isNoise) return null;
  return { text, isError: /^(\w*Error\b|FATAL|terminate called|what\(\))|Assertion/.test(text) };
}

/** Of our own lines only errors say why a process ended. */
function logged(json: string): { text: string; isError: boolean } | null {
  try {
    const line: unknown = JSON.parse(json);
    if (typeof line !== 'object' || line === null) return null;
    const { level, message } = line as { level?: unknown; message?: unknown };
    if (level !== 'error' || typeof message !== 'string') return null;
    return { text: message, isError: true };
  } catch {
    return null;
  }
}
