import type { RunSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { parameterLayout } from '../models/parameter-layout.js';
import type { PreparedModel } from '../models/prepared-model.js';
import { MAX_TOTAL_BYTES } from '../rpc/byte-stream.js';
import { stateBytes } from '../state/snapshot.js';

/**
 * Refuses a run whose state cannot be held and sent as one piece, with its best epoch: FT_STATE_TOO_LARGE. A buffer holds 4 GiB in Node 20,
 * and memory for kernels as much.
 */
export function checkStateSize(
  { parameters, statistics }: Pick<PreparedModel, 'parameters' | 'statistics'>,
  { phases }: { readonly phases: readonly Pick<RunSpec['phases'][number], 'epochs'>[] },
): void {
  const numParameters = parameterLayout(parameters).length;
  const numBytes = stateBytes({
    numParameters,
    numStatistics: statistics.reduce((sum, { channels }) => sum + 2 * channels, 0),
    numEpochs: phases.reduce((sum, { epochs }) => sum + epochs, 0),
  });
  if (numBytes <= MAX_TOTAL_BYTES) return;
  throw new FtctlError('FT_STATE_TOO_LARGE', {
    what: `The run would train ${numParameters} parameters: its states would have up to ${numBytes} bytes, at most ${MAX_TOTAL_BYTES} can be held.`,
    why: 'A state has the parameters, their two moments and those of the best epoch, of 4 bytes each.',
    details: { numParameters, numBytes, maxBytes: MAX_TOTAL_BYTES },
  });
}
