import { FtctlError } from '../errors/index.js';
import { quoted } from '../util/shell-quote.js';
import type { RunSummary } from './run-summary.js';

/** FT_ARTIFACTS_NOT_FOUND for a run without a trained model, with what is to be done about it. */
export function noModel({ id, dir, status, epochs }: RunSummary): FtctlError {
  const run = quoted(dir);
  const states = {
    running: {
      why: 'It is written when the run ends, and the run is still on.',
      remedy: `Wait for its end, or end it now with \`ftctl stop ${run}\`: after a first epoch, a stopped run leaves its best model.`,
    },
    finished: {
      why: 'The run has finished; its model was removed, or could not be written.',
      remedy: `Write it again: \`ftctl launch --resume ${run}\`.`,
    },
    stopped: {
      why: 'The run was stopped before its first epoch was over.',
      remedy: `Go on with it: \`ftctl launch --resume ${run}\`.`,
    },
    failed: {
      why: 'A model is written when a run ends, and this one failed before.',
      remedy: `Go on with it: \`ftctl launch --resume ${run}\`; \`ftctl runs\` shows why it failed.`,
    },
  } as const;
  return new FtctlError('FT_ARTIFACTS_NOT_FOUND', {
    what: `The run ${id} has no model${status === 'finished' ? '' : ' yet'}.`,
    ...states[status],
    details: { run: id, path: dir, status, epochs },
  });
}
