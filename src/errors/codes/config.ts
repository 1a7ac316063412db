import type { CatalogueEntry } from '../catalogue-entry.js';

/** Usage and configuration: what a user wrote on the command line or in the YAML file. */
export const configCodes = {
  FT_USAGE: {
    exit: 2,
    summary: 'The command line has an unknown command or flag, or one is missing or malformed.',
    remedy: 'See `ftctl COMMAND --help`.',
  },
  FT_RUN_NOT_RUNNING: {
    exit: 2,
    summary: 'A command needs a run that is running, and the run that was named is not.',
    remedy: 'See `ftctl runs`; a run that ended goes on with `ftctl launch --resume RUN`.',
  },
  FT_CONFIG_NOT_FOUND: {
    exit: 2,
    summary: 'The configuration file does not exist or cannot be read.',
    remedy: 'Check the path after --config; without --config the packaged quick start is used.',
  },
  FT_CONFIG_SYNTAX: {
    exit: 2,
    summary: 'The configuration file is not valid YAML.',
    remedy: 'Correct the line and column that the message names.',
  },
  FT_CONFIG_UNKNOWN_KEY: {
    exit: 2,
    summary: 'The configuration has a key that ftctl does not know.',
    remedy: 'Correct or remove the key; docs/config.md lists all of them.',
  },
  FT_CONFIG_MISSING_KEY: {
    exit: 2,
    summary: 'The configuration lacks a key that has no default.',
    remedy: 'Add the key; docs/config.md says what it means.',
  },
  FT_CONFIG_INVALID_VALUE: {
    exit: 2,
    summary: 'A configuration value has the wrong type or is out of its range.',
    remedy: 'Change the value to one that the message allows.',
  },
  FT_CONFIG_UNSUPPORTED: {
    exit: 2,
    summary: 'The configuration asks for something that this version of ftctl does not do.',
    remedy: 'Use one of the values that the message names.',
  },
  FT_CONFIG_CONFLICT: {
    exit: 2,
    summary: 'Configuration values contradict each other, or one cannot apply beside another.',
    remedy: 'Change one of the values that the message names.',
  },
  FT_CONFIG_BAD_SET: {
    exit: 2,
    summary: 'A --set argument is not of the form path=value.',
    remedy: 'Write for example `--set batch.size=64` or `--set phases.0.epochs=40`.',
  },
  FT_BATCH_NOT_MULTIPLE: {
    exit: 2,
    summary: 'batch.size is not a multiple of batch.shards.',
    remedy: 'Choose a batch.shards that divides batch.size, or leave batch.shards out.',
  },
  FT_TOO_MANY_WORKERS: {
    exit: 2,
    summary: 'There are more workers than virtual shards to give them.',
    remedy: 'Use fewer workers, or raise batch.shards (it must divide batch.size).',
  },
  FT_RESUME_MISMATCH: {
    exit: 2,
    summary: 'A run cannot go on with a configuration that would change what it has already done.',
    remedy: 'Give the named settings their old values, or start a new run.',
  },
} as const satisfies Record<string, CatalogueEntry>;
