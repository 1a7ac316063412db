import type { CatalogueEntry } from '../catalogue-entry.js';

/** The machine, or ftctl itself, is at fault: ports, disks, engines, bugs. */
export const environmentCodes = {
  FT_INTERNAL: {
    exit: 1,
    summary: 'Something failed that ftctl does not expect: a bug of ftctl.',
    remedy: 'Please report it with the log files in the run folder (logs/).',
  },
  FT_PORT_IN_USE: {
    exit: 5,
    summary: 'A port that the configuration asks for is taken by another process.',
    remedy: 'Stop the other process, choose another port, or use port 0 for a free one.',
  },
  FT_DISK_FULL: {
    exit: 5,
    summary: 'The disk that holds the run folder, or the cache, is full.',
    remedy: 'Free some space and continue with `ftctl launch --resume RUN`.',
  },
  FT_NOT_WRITABLE: {
    exit: 5,
    summary: 'A folder that ftctl must write to cannot be written.',
    remedy: 'Change its permissions, or choose another folder.',
  },
  FT_ENGINE_UNAVAILABLE: {
    exit: 5,
    summary: 'The compute engine, or the provider asked for, cannot be loaded on this machine.',
    remedy: 'Use `engine.provider: cpu`, or install what the message names.',
  },
} as const satisfies Record<string, CatalogueEntry>;
