import { afterEach, describe, expect, it, vi } from 'vitest';
import { interruptible } from '../../../src/cli/interruptible.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Work that goes on until it is told to stop. */
const endless = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });

describe('the work of a long command', () => {
  it('is stopped by an interrupt, which is told as one', async () => {
    const before = process.listenerCount('SIGINT');
    const ended = interruptible(endless);
    process.emit('SIGINT');
    await expect(ended).rejects.toMatchObject({
      code: 'FT_COMMAND_INTERRUPTED',
      exitCode: 130,
      message: 'The command was interrupted; it has written nothing.',
    });
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  it('ends the process at a second interrupt', async () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
    let finish = (): void => undefined;
    const ended = interruptible(() => new Promise<void>((resolve) => (finish = resolve)));
    process.emit('SIGTERM');
    expect(exit).not.toHaveBeenCalled();
    process.emit('SIGINT');
    expect(exit).toHaveBeenCalledWith(130);
    finish();
    await ended;
  });

  it('gives its result, and its own failures as they are', async () => {
    await expect(interruptible(() => Promise.resolve(7))).resolves.toBe(7);
    const failure = new Error('its own');
    await expect(interruptible(() => Promise.reject(failure))).rejects.toBe(failure);
  });
});
