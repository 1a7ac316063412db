import { open } from 'node:fs/promises';

const chunkBytes = 64 * 1024;

/**
 * The lines of a text file, last first, without their newlines; reads backwards in chunks, so that the end of a huge
 * file costs little. Stops after `maxBytes` (the line that lies across that limit is left out), or at the byte `from`,
 * which must be the start of a line. An absent file has no lines. An unfinished last line is given too: whoever needs whole ones must check.
 */
export async function* linesFromEnd(
  path: string,
  options: { maxBytes: number; from?: number },
): AsyncGenerator<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return;
  try {
    const { size } = await file.stat();
    const from = options.from ?? 0;
    const floor = Math.max(from, size - options.maxBytes);
    let end = size;
    let head: Buffer = Buffer.alloc(0);
    let isLast = true;
    while (end > floor) {
      const start = Math.max(floor, end - chunkBytes);
      const chunk = Buffer.alloc(end - start);
      const { bytesRead } = await file.read(chunk, 0, chunk.length, start);
      let rest = Buffer.concat([chunk.subarray(0, bytesRead), head]);
      for (let at = rest.lastIndexOf(10); at >= 0; at = rest.lastIndexOf(10)) {
        const line = rest.subarray(at + 1).toString('utf8');
        // A file that ends in a newline has no empty line after it.
        if (!(isLast && line === '')) yield line;
        isLast = false;
        rest = rest.subarray(0, at);
      }
      head = rest;
      end = start;
    }
    if (floor === from && size > from && (head.length > 0 || !isLast)) yield head.toString('utf8');
  } finally {
    await file.close();
  }
}

/** The last lines of a text file, in their order. An unreadable file has none: this is for error messages. */
export async function lastLines(path: string, count: number, from = 0): Promise<string[]> {
  const lines: string[] = [];
  try {
    for await (const line of linesFromEnd(path, { maxBytes: chunkBytes, from })) {
      lines.push(line);
      if (lines.length === count) break;
    }
  } catch {
    return lines.reverse();
  }
  return lines.reverse();
}
