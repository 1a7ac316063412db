import type { CatalogueEntry } from '../catalogue-entry.js';

/** Coordinator and workers: membership, agreement, the journal. */
export const protocolCodes = {
  FT_WORKER_LOST: {
    exit: 4,
    summary:
      'A worker process died, or its connection to the coordinator broke, before the run was over.',
    remedy:
      'Read the end of its log file (logs/worker-N.log) and continue with `ftctl launch --resume RUN`.',
  },
  FT_WORKER_SILENT: {
    exit: 4,
    summary: 'A worker did not start, did not answer, or did not get on within its time limit.',
    remedy:
      'Look for a stopped process or a hung disk on its machine, and continue with `ftctl launch --resume RUN`.',
  },
  FT_WORKERS_DISCONNECTED: {
    exit: 4,
    summary: 'Two workers are both alive, but the connection between them broke for good.',
    remedy:
      'Check the network and the firewall between their machines, and continue with `ftctl launch --resume RUN`.',
  },
  FT_COORDINATOR_LOST: {
    exit: 4,
    summary:
      'The coordinator process died, or the connection to it broke, before the run was over.',
    remedy:
      'Read the end of its log file (logs/coordinator.log) and continue with `ftctl launch --resume RUN`.',
  },
  FT_DIVERGED: {
    exit: 4,
    summary: 'Two workers have different bits where the protocol makes them equal.',
    remedy:
      'Check the memory and the CPU of the named workers, continue with `ftctl launch --resume RUN` without them, and report it with the run folder.',
  },
  FT_FINGERPRINT_MISMATCH: {
    exit: 5,
    summary: 'Two workers compute with different software or on different kinds of CPU.',
    remedy:
      'Run all workers with the same ftctl, Node.js and engine versions on the same kind of machine: the result would depend on who computes what.',
  },
  FT_WORKER_NOT_ADMITTED: {
    exit: 4,
    summary: 'A worker asked to join a run that has no place for it.',
    remedy: 'Start as many workers as `workers.count` says, each with a slot of its own.',
  },
  FT_JOURNAL_DAMAGED: {
    exit: 5,
    summary: "A line of the run's journal is not what was written.",
    remedy:
      'Restore journal.jsonl from a copy, or start a new run: a damaged journal is never repaired by guessing.',
  },
  FT_JOURNAL_VERSION: {
    exit: 2,
    summary: "The run's journal has records that this ftctl does not read.",
    remedy: 'Go on with the version of ftctl that wrote the run, or start a new run.',
  },
  FT_PROTOCOL_BROKEN: {
    exit: 1,
    summary: 'A process sent a message that the protocol does not allow: a bug of ftctl.',
    remedy: 'Please report it with the log files in the run folder (logs/).',
  },
} as const satisfies Record<string, CatalogueEntry>;
