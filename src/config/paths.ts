import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KeyPath } from './key-path.js';

/** The parts of the process that a configuration's defaults depend on. */
export interface ConfigEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
}

export function processEnvironment(): ConfigEnvironment {
  return { env: process.env, cwd: process.cwd(), home: homedir() };
}

/** Where downloads and caches go: `$FTCTL_CACHE`, else `$XDG_CACHE_HOME/ftctl`, else `~/.cache/ftctl`. */
export function defaultCacheDir({ env, cwd, home }: ConfigEnvironment): string {
  if (env['FTCTL_CACHE']) return resolve(cwd, env['FTCTL_CACHE']);
  if (env['XDG_CACHE_HOME']) return resolve(cwd, env['XDG_CACHE_HOME'], 'ftctl');
  return join(home, '.cache', 'ftctl');
}

/** Makes a path of the document absolute; `key` is where it stands. */
export type ResolvePath = (key: KeyPath, path: string) => string;

/**
 * Paths in a file are relative to the file's folder, those of `--set` to the working directory, where the shell
 * completes them; `~/` is the home folder in both.
 */
export function pathResolver(
  environment: ConfigEnvironment,
  fileDir: string,
  isSet: (key: KeyPath) => boolean,
): ResolvePath {
  return (key, path) => {
    if (path === '~' || path.startsWith('~/')) return join(environment.home, path.slice(1));
    return resolve(isSet(key) ? environment.cwd : fileDir, path);
  };
}

/** Whether a source or weights string names an npm package rather than a file. */
export function isNpm(reference: string): boolean {
  return reference.startsWith('npm:');
}

/** Whether a source is fetched over a network rather than read from a path. */
export function isRemote(source: string): boolean {
  return isNpm(source) || source.startsWith('https:');
}

/** The path that a `file:` URL or a `file:PATH` names; any other text is a path itself. */
export function pathOfFileUrl(source: string): string {
  if (source.startsWith('file://')) return fileURLToPath(source);
  return source.startsWith('file:') ? source.slice('file:'.length) : source;
}
