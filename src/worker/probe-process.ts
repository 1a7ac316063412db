import { FtctlError } from '../errors/index.js';
import { Closers } from '../util/closers.js';
import type { ProbeAnswer, ProbeRequest } from './probe-messages.js';
import { startProbe, type Probe } from './probe.js';

/** Child process of a dry run: one worker's probe. It ends when the launcher closes the channel, or is gone. */

const closers = new Closers();
const ending = new AbortController();
let probe: Probe | undefined;

async function answer(request: ProbeRequest): Promise<ProbeAnswer> {
  switch (request.ask) {
    case 'serve':
      probe = await startProbe(request, { closers, signal: ending.signal });
      return { type: 'serving', address: probe.address };
    case 'open':
      await probe!.open(request.generation);
      return { type: 'open' };
    case 'features':
      await probe!.makeFeatures();
      return { type: 'features' };
    case 'rounds':
      return { type: 'measures', measures: await probe!.runRounds() };
  }
}

const send = (message: ProbeAnswer): void => {
  // Without a callback a write to a launcher that just died raises an error event.
  process.send?.(message, undefined, undefined, () => undefined);
};

process.on('message', (request: ProbeRequest) => {
  answer(request).then(send, (error: unknown) => {
    send({ type: 'failed', error: FtctlError.from(error).toJSON() });
  });
});
process.on('disconnect', () => {
  ending.abort(new FtctlError('FT_INTERRUPTED', { what: 'The dry run has ended.' }));
  // Native libraries that are at work are not waited for.
  setTimeout(() => process.exit(), 1000).unref();
  void closers.closeAll().finally(() => process.exit());
});
// A Ctrl-C goes to the whole process group, and is for the launcher to judge.
process.on('SIGINT', () => undefined);
