import { FtctlError } from '../errors/index.js';
import { listenForInterrupts } from './interrupt.js';

/**
 * Does the work of a command that can take long: Ctrl-C, SIGTERM or SIGHUP aborts its signal, so that it stops where nothing half
 * done is left behind. A second one ends the process at once. Rejects with FT_COMMAND_INTERRUPTED where the work was stopped.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupts = listenForInterrupts((count) => {
    if (count > 1) process.exit(130);
  });
  const { graceful: signal } = interrupts;
  try {
    return await work(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new FtctlError('FT_COMMAND_INTERRUPTED', {
      what: 'The command was interrupted; it has written nothing.',
      cause: error,
    });
  } finally {
    interrupts.dispose();
  }
}
