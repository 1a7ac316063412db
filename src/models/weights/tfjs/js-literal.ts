/**
 * Reads the value of a JavaScript literal out of source text, without executing anything: objects, arrays, strings, numbers,
 * `true`, `false`, `null`, and the forms that minifiers give them (`!0`, `!1`, `.5`, bare keys). Everything else is a
 * SyntaxError.
 */

const maxDepth = 64;
const numberPattern = /-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const identifierPattern = /[A-Za-z_$][\w$]*/y;
const spacePattern = /\s*/y;
const words: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };

class LiteralReader {
  readonly #text: string;
  #position: number;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#position = start;
  }

  value(depth: number): unknown {
    if (depth > maxDepth) throw this.#error(`nested deeper than ${maxDepth}`);
    this.#skipSpace();
    const next = this.#text[this.#position];
    if (next === '{') return this.#object(depth);
    if (next === '[') return this.#array(depth);
    if (next === '"' || next === "'") return this.#string(next);
    if (next === '!') return this.#negation();
    const number = this.#match(numberPattern);
    if (number !== undefined) return Number(number);
    const word = this.#match(identifierPattern);
    if (word !== undefined && Object.hasOwn(words, word)) return words[word];
    throw this.#error('no literal');
  }

  /** The statement ends here: the literal is not a part of a larger expression. */
  expectEnd(): void {
    this.#skipSpace();
    const next = this.#text[this.#position];
    if (next !== undefined && !'};,'.includes(next)) throw this.#error('no end of the literal');
  }

  #error(what: string): SyntaxError {
    return new SyntaxError(`${what} at character ${this.#position}`);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  #skipSpace(): void {
    this.#match(spacePattern);
  }

  /** Takes `token` if it is next. */
  #take(token: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(token, this.#position)) return false;
    this.#position += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw this.#error(`no ${token}`);
  }

  #object(depth: number): Record<string, unknown> {
    this.#expect('{');
    const entries: [string, unknown][] = [];
    while (!this.#take('}')) {
      if (entries.length > 0) this.#expect(',');
      this.#skipSpace();
      const quote = this.#text[this.#position];
      const key =
        quote === '"' || quote === "'" ? this.#string(quote) : this.#match(identifierPattern);
      if (key === undefined) throw this.#error('no key');
      this.#expect(':');
      entries.push([key, this.value(depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  #array(depth: number): unknown[] {
    this.#expect('[');
    const items: unknown[] = [];
    while (!this.#take(']')) {
      if (items.length > 0) this.#expect(',');
      items.push(this.value(depth + 1));
    }
    return items;
  }

  /** Escapes are refused: neither base64 nor the names in a model have any. */
  #string(quote: string): string {
    const start = this.#position + 1;
    const end = this.#text.indexOf(quote, start);
    if (end < 0) throw this.#error('no end of the string');
    const value = this.#text.slice(start, end);
    if (/[\\\n\r]/.test(value)) throw this.#error('an escape in the string');
    this.#position = end + 1;
    return value;
  }

  #negation(): boolean {
    if (this.#take('!0')) return true;
    if (this.#take('!1')) return false;
    throw this.#error('no literal');
  }
}

/** What a bundler's wrapper assigns the module's value with: `e.exports=` and then a literal. */
const exportPattern = /\b[A-Za-z_$][\w$]*\.exports\s*=\s*(?=[{["'])/g;

/**
 * The value of a module that consists of one exported literal, in a bundler's wrapper. Throws SyntaxError where there is
 * none, or more than one.
 */
export function exportedLiteral(source: string): unknown {
  const [found, ...others] = source.matchAll(exportPattern);
  if (found === undefined) throw new SyntaxError('no exported literal');
  if (others.length > 0) throw new SyntaxError('more than one exported literal');
  const reader = new LiteralReader(source, found.index + found[0].length);
  const value = reader.value(0);
  reader.expectEnd();
  return value;
}
