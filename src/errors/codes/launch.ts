import type { CatalogueEntry } from '../catalogue-entry.js';

/** Run folders, and the processes that a launch starts and watches. */
export const launchCodes = {
  FT_RUN_NOT_FOUND: {
    exit: 2,
    summary: 'No run, or more than one, has the given id, prefix or path.',
    remedy: 'List the runs with `ftctl runs` and give a whole id.',
  },
  FT_RUN_IN_USE: {
    exit: 2,
    summary: 'Another launch is working in the run folder.',
    remedy: 'Wait for it to end, or stop it.',
  },
  FT_ADDRESS_UNUSABLE: {
    exit: 5,
    summary: 'The system does not let ftctl listen on an address that the configuration asks for.',
    remedy: 'Use an address of this machine (127.0.0.1) and a port above 1023, or port 0.',
  },
  FT_PROCESS_START: {
    exit: 5,
    summary: 'The coordinator or a worker could not be started, or ended before it joined the run.',
    remedy: 'Read the process log that the message names; `npm ci` repairs an installation.',
  },
  FT_INTERRUPTED: {
    exit: 130,
    summary: 'The run was stopped by the user before it could end in order.',
    remedy: 'Continue with `ftctl launch --resume RUN`.',
  },
  FT_VERIFY_DIFFERS: {
    exit: 4,
    summary: 'Runs of one configuration have other bits with other numbers of workers.',
    remedy:
      'Verify again: a difference that moves is one of memory or CPU. One that stays is to be reported, with both run folders.',
  },
  FT_AUDIT_FAILED: {
    exit: 4,
    summary: 'A run folder contradicts itself: its journal, its states and its configuration.',
    remedy:
      'Restore the files that the findings name from a copy. Where nobody changed them, report it with the run folder.',
  },
  FT_COMMAND_INTERRUPTED: {
    exit: 130,
    summary: 'The user stopped a command other than a launch before it was done.',
    remedy: 'Start it again; what was downloaded is kept.',
  },
} as const satisfies Record<string, CatalogueEntry>;
