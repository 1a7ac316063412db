/**
 * Lets a reader of stdout or stderr go away (`ftctl runs | head -1`) without an error: what would be written is
 * dropped, and a training run goes on. Any other failure of a stream is thrown.
 */
export function guardStreams(streams: readonly NodeJS.WritableStream[]): void {
  for (const stream of streams) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** Resolves when everything that was written to the stream has been handed over, or cannot be. */
export function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => {
      resolve();
    });
  });
}
