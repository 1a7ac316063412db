import { stripVTControlCharacters } from 'node:util';
import { Errors, type Config } from '@oclif/core';
import { nearest } from '../config/suggest.js';
import { FtctlError } from '../errors/index.js';
import { quoted } from '../util/shell-quote.js';

/** What other programs call our commands and flags. */
const otherNames: Readonly<Record<string, string>> = {
  train: 'launch',
  fit: 'launch',
  start: 'launch',
  classify: 'predict',
  test: 'evaluate',
  ls: 'runs',
  list: 'runs',
};
const otherFlags: Readonly<Record<string, string>> = {
  '--nproc-per-node': 'workers',
  '--num-processes': 'workers',
  '--num-workers': 'workers',
};

/** oclif's complaint about the command line as FT_USAGE, with a suggestion; anything else is returned as it is. */
export function usageError(thrown: unknown, argv: readonly string[], config: Config): unknown {
  if (!(thrown instanceof Errors.CLIError)) return thrown;
  const message = stripVTControlCharacters(thrown.message);
  const command = commandOf(argv, config);
  if (command === undefined) {
    const firstFlag = argv.findIndex((word) => word.startsWith('-'));
    const typed = argv.slice(0, firstFlag === -1 ? 2 : Math.min(2, firstFlag));
    const known = visible(config).map(({ id }) => id.replaceAll(':', ' '));
    const meant =
      otherNames[typed[0] ?? ''] ??
      nearest(typed.join(' '), known) ??
      nearest(typed[0] ?? '', known);
    return new FtctlError('FT_USAGE', {
      what: `"ftctl ${typed.join(' ')}" is not a command.`,
      remedy:
        meant === undefined
          ? 'See `ftctl --help` for the commands.'
          : `Did you mean \`ftctl ${meant}\`?`,
      cause: thrown,
    });
  }
  const stray = strayWords(thrown, message, argv, command);
  if (stray !== undefined) return strayError(thrown, stray, command);
  return new FtctlError('FT_USAGE', {
    what: `${sentence(thrown, message)}.`,
    remedy: `${flagHint(thrown, command)}See \`ftctl ${command.id.replaceAll(':', ' ')} --help\`.`,
    cause: thrown,
  });
}

function visible(config: Config): Config['commands'] {
  return config.commands.filter(({ hidden }) => !hidden);
}

/** The command that the first words of `argv` name. */
function commandOf(
  argv: readonly string[],
  config: Config,
): Config['commands'][number] | undefined {
  return config.commands
    .filter(({ id }) => id.split(':').every((word, index) => argv[index] === word))
    .sort((a, b) => b.id.length - a.id.length)[0];
}

type KnownCommand = Config['commands'][number];

/** Words that the command has no place for. oclif takes those right after a command without arguments for a command's name. */
function strayWords(
  thrown: Errors.CLIError,
  message: string,
  argv: readonly string[],
  command: KnownCommand,
): readonly string[] | undefined {
  const { args } = thrown as { args?: unknown };
  if (message.startsWith('Unexpected argument') && Array.isArray(args)) {
    return args as readonly string[];
  }
  if (!/^command .+ not found$/s.test(message)) return undefined;
  const words = argv.slice(command.id.split(':').length);
  const firstFlag = words.findIndex((word) => word.startsWith('-'));
  return firstFlag === -1 ? words : words.slice(0, firstFlag);
}

function strayError(
  thrown: Errors.CLIError,
  stray: readonly string[],
  command: KnownCommand,
): FtctlError {
  const name = `ftctl ${command.id.replaceAll(':', ' ')}`;
  const places = Object.keys(command.args).map((place) => place.toUpperCase());
  const meant =
    command.id === 'launch'
      ? `Did you mean \`${name} --config ${quoted(stray[0] ?? 'FILE')}\`? `
      : '';
  return new FtctlError('FT_USAGE', {
    what: `Unexpected ${stray.length === 1 ? 'argument' : 'arguments'}: ${stray.map(quoted).join(' ')}.`,
    why:
      places.length === 0
        ? `"${name}" takes flags alone.`
        : `Beside flags "${name}" takes ${places.join(' and ')} alone.`,
    remedy: `${meant}See \`${name} --help\`.`,
    cause: thrown,
  });
}

function flagHint(thrown: Errors.CLIError, { id, flags }: KnownCommand): string {
  const unknown = (thrown as { flags?: unknown }).flags;
  if (!Array.isArray(unknown) || typeof unknown[0] !== 'string') return '';
  const name = unknown[0].replace(/=.*$/s, '').replaceAll('_', '-');
  if (/^(-c|--config|--file)$/.test(name) && /^config:(show|validate)$/.test(id)) {
    return `FILE is given without a flag: \`ftctl ${id.replaceAll(':', ' ')} FILE\`. `;
  }
  const other = otherFlags[name];
  if (other !== undefined && other in flags) return `Did you mean --${other}? `;
  const known = [...Object.keys(flags), 'json', 'help'].map((name) => `--${name}`);
  const meant = nearest(name, known);
  return meant === undefined ? '' : `Did you mean ${meant}? `;
}

/** oclif's message as one sentence, without its lists. */
function sentence(thrown: Errors.CLIError, message: string): string {
  const { args } = thrown as { args?: unknown };
  if (message.startsWith('Missing') && Array.isArray(args)) {
    const names = (args as { name: string }[]).map(({ name }) => name.toUpperCase());
    return `Missing ${names.join(' and ')}`;
  }
  return message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/^Parsing (--\S+)\s+/, '$1: ')
    .replaceAll(/\s*\n\s*/g, '; ')
    .replaceAll(/ {2,}/g, ' ')
    .replace(/\.$/, '');
}
