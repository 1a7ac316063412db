import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { diskError } from './atomic-file.js';
import { cacheError, cacheSetting } from './cache-folder-error.js';
import { moveIntoPlace } from './cached-folder.js';
import { fileDigest } from './digest.js';
import { isFolder } from './is-folder.js';
import { makeFolder } from './make-folder.js';
import { type NpmResult, type RunNpm, runNpm } from './npm-command.js';
import { type OpenArchive, withArchive } from './open-archive.js';
import { makeTemporaryFolder } from './temporary-folder.js';
import type { UnpackLimits } from './unpack-guard.js';
import { unpackTarball } from './unpack-tarball.js';

/** `npm:NAME@VERSION`, with `#FRAGMENT` where a file or model inside of the package is meant. */
export interface NpmReference {
  readonly name: string;
  readonly version: string;
  readonly fragment: string | null;
}

export interface FetchNpmOptions {
  readonly name: string;
  /** An exact version. */
  readonly version: string;
  /** The pinned `sha512-...` of the tarball. */
  readonly integrity: string;
  readonly cacheDir: string;
  /** Called at each stage that takes time, with words for the user. npm does not tell how far a download is. */
  readonly onProgress?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Runs npm; tests bring their own. */
  readonly run?: RunNpm;
  readonly limits?: UnpackLimits;
}

const namePattern = '(?:@[a-z0-9~][\\w.~-]*/)?[a-z0-9~][\\w.~-]*';
const versionPattern = '\\d+\\.\\d+\\.\\d+(?:[-+][\\w.+-]+)?';
const referencePattern = new RegExp(`^npm:(${namePattern})@(${versionPattern})(?:#(.+))?$`, 'i');
const integrityPattern = /^sha512-([A-Za-z0-9+/]{86}==)$/;

const packageLimits: UnpackLimits = { maxEntries: 200_000, maxBytes: 4 * 2 ** 30 };

const temporaryPrefix = '.fetch-';

/**
 * Reads an npm reference, or returns null where the text is none. Names and versions are checked here, so that
 * nothing else (an option, a git address, a folder) ever reaches npm's command line.
 */
export function parseNpmReference(text: string): NpmReference | null {
  const [, name, version, fragment] = referencePattern.exec(text) ?? [];
  if (name === undefined || version === undefined) return null;
  return { name, version, fragment: fragment ?? null };
}

/**
 * Gives the absolute folder of an npm package's files, fetching it on first use with the user's own npm (registry,
 * proxy, login). The tarball's sha512 is compared with the pinned one before a byte of it is unpacked. The folder
 * appears whole or not at all, so any number of processes may ask at once.
 *
 * Rejects with FT_DATA_FETCH (npm missing, offline, no such version), FT_DATA_INTEGRITY, FT_DATA_ARCHIVE,
 * FT_DISK_FULL or FT_NOT_WRITABLE, or with the signal's reason.
 */
export async function fetchNpmPackage(options: FetchNpmOptions): Promise<string> {
  const { name, version, integrity, cacheDir, onProgress, signal } = options;
  const reference = `${name}@${version}`;
  if (parseNpmReference(`npm:${reference}`) === null) {
    throw new FtctlError('FT_DATA_SOURCE', {
      what: `${reference} is no npm package with an exact version.`,
      remedy: 'Write `npm:NAME@VERSION`, with a full version such as 1.2.3.',
    });
  }
  const pinned = integrityPattern.exec(integrity)?.[1];
  if (pinned === undefined) {
    throw new FtctlError('FT_DATA_INTEGRITY', {
      what: `The integrity of ${reference} is ${JSON.stringify(integrity)}.`,
      why: 'It must be `sha512-` and 88 base64 characters.',
      remedy: `Take it from \`npm view ${reference} dist.integrity\`.`,
    });
  }
  const hash8 = Buffer.from(pinned, 'base64').toString('hex').slice(0, 8);
  const packagesDir = join(cacheDir, 'npm');
  const target = join(packagesDir, `${name.replace('/', '+')}@${version}-${hash8}`);
  if (await isFolder(target)) return target;

  signal?.throwIfAborted();
  const temporary = await makeTemporary(packagesDir, cacheDir);
  try {
    onProgress?.(`fetching ${reference} with npm`);
    const tarball = await pack(reference, temporary, options);
    const unpacked = join(temporary, 'unpacked');
    const { limits = packageLimits } = options;
    await withArchive(tarball, async (archive) => {
      onProgress?.(`checking ${reference}`);
      await checkIntegrity(reference, archive, integrity, signal);
      onProgress?.(`unpacking ${reference}`);
      await mkdir(unpacked);
      await unpackTarball(archive, unpacked, { limits, strip: 1, signal });
    });
    signal?.throwIfAborted();
    await moveIntoPlace(unpacked, target);
    return target;
  } catch (error) {
    signal?.throwIfAborted();
    throw cacheError(error instanceof FtctlError ? error : diskError(error, packagesDir), cacheDir);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function makeTemporary(packagesDir: string, cacheDir: string): Promise<string> {
  try {
    await makeFolder(packagesDir);
    return await makeTemporaryFolder(packagesDir, temporaryPrefix);
  } catch (error) {
    throw cacheError(diskError(error, packagesDir), cacheDir);
  }
}

/** Has npm write the package's tarball into `dir`; returns its path. */
async function pack(reference: string, dir: string, options: FetchNpmOptions): Promise<string> {
  const run = options.run ?? runNpm;
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', dir, '--', reference];
  let result: NpmResult;
  try {
    result = await run(args, options.signal);
  } catch (error) {
    options.signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new FtctlError('FT_DATA_FETCH', {
        what: `npm could not be started to fetch ${reference}.`,
        why: 'There is no `npm` on the PATH.',
        remedy: 'Install npm (it comes with Node.js), or use a folder instead.',
        cause: error,
      });
    }
    throw error;
  }
  if (result.exitCode !== 0) throw npmFailure(reference, result);
  // The name that npm reports is not always the name that it wrote (scoped packages, npm 7 to 9): look.
  const tarballs = (await readdir(dir)).filter((entry) => entry.endsWith('.tgz'));
  if (tarballs.length !== 1) {
    throw new FtctlError('FT_DATA_FETCH', {
      what: `npm reported success and wrote ${tarballs.length} archives for ${reference}.`,
      why: 'One was expected.',
    });
  }
  return join(dir, tarballs[0]!);
}

/** npm's own reason: the JSON error on stdout where there is one, else the first error line on stderr. */
function npmFailure(reference: string, result: NpmResult): FtctlError {
  const { code, summary } = jsonError(result.stdout);
  const stderrLines = result.stderr
    .split('\n')
    .map((line) => /^npm (?:error|ERR!) (.+)$/.exec(line)?.[1] ?? '')
    .filter((line) => line !== '');
  const npmCode = code ?? stderrLines.map((line) => /^code (\w+)$/.exec(line)?.[1]).find(Boolean);
  const reason =
    summary ??
    stderrLines.find((line) => !/^(code|syscall|errno|path) /.test(line)) ??
    `exit code ${String(result.exitCode)}`;
  const details = { npmCode: npmCode ?? null, exitCode: result.exitCode };
  const what = `npm could not fetch ${reference}: ${reason.split('\n', 1)[0]!.replace(/\.$/, '')}.`;
  if (npmCode === 'ENOSPC') {
    return new FtctlError('FT_DISK_FULL', {
      what,
      remedy: `Free some space where the cache folder is (${cacheSetting}) and where npm keeps its own (\`npm config get cache\`).`,
      details,
    });
  }
  if (npmCode === 'E404' || npmCode === 'ETARGET') {
    return new FtctlError('FT_DATA_FETCH', {
      what,
      why: 'The registry that npm is configured for has no such package or version.',
      details,
    });
  }
  return new FtctlError('FT_DATA_FETCH', { what, details });
}

function jsonError(stdout: string): { code?: string; summary?: string } {
  try {
    const { error } = JSON.parse(stdout) as { error?: { code?: unknown; summary?: unknown } };
    return {
      ...(typeof error?.code === 'string' ? { code: error.code } : {}),
      ...(typeof error?.summary === 'string' && error.summary !== ''
        ? { summary: error.summary }
        : {}),
    };
  } catch {
    return {};
  }
}

async function checkIntegrity(
  reference: string,
  { file }: OpenArchive,
  pinned: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const digest = await fileDigest(file, 'sha512', signal);
  const actual = `sha512-${Buffer.from(digest, 'hex').toString('base64')}`;
  if (actual !== pinned) {
    throw new FtctlError('FT_DATA_INTEGRITY', {
      what: `${reference} as fetched has integrity ${actual}.`,
      why: `The configuration pins ${pinned}.`,
      details: { actual, pinned },
    });
  }
}
