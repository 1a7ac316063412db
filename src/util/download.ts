import { constants } from 'node:fs';
import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { FtctlError } from '../errors/index.js';
import { diskError, syncFolder, writeFileAtomic } from './atomic-file.js';
import { sha256Hex } from './blob-store.js';
import { cacheError } from './cache-folder-error.js';
import { fileDigest, type ExpectedDigest } from './digest.js';
import { isAllowedUrl, requestBytes, RequestError } from './download-request.js';
import { makeFolder } from './make-folder.js';
import { takeProcessLock } from './process-lock.js';

export interface DownloadProgress {
  readonly message: string;
  /** Bytes; total 0: the server does not say. */
  readonly done: number;
  readonly total: number;
}

export interface DownloadOptions {
  /** `https:`, or `http:` of this machine. */
  readonly url: string;
  readonly expected: ExpectedDigest;
  /** Downloads are kept in `<cacheDir>/downloads`. */
  readonly cacheDir: string;
  readonly maxBytes: number;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: Partial<DownloadLimits>;
}

export interface DownloadLimits {
  /** Failures in a row without a new byte. */
  readonly maxAttempts: number;
  /** Failures altogether. */
  readonly maxFailures: number;
  /** Before the second attempt; doubled for each later one, to 16 times as much. */
  readonly retryDelayMs: number;
  readonly stallMs: number;
  /** Between looks whether another process has done it. */
  readonly pollMs: number;
}

const defaultLimits: DownloadLimits = {
  maxAttempts: 5,
  maxFailures: 100,
  retryDelayMs: 500,
  stallMs: 30_000,
  pollMs: 200,
};

/** Beside a part: what it is a part of. */
const partSchema = z.strictObject({ url: z.string(), validator: z.string().nullable() });

/**
 * Downloads a file, or finds it downloaded, and gives its path in the cache; its hash is right. A part that an earlier attempt or
 * process left is continued (HTTP ranges); of several processes one downloads and the others wait for it.
 *
 * Rejects with FT_DOWNLOAD_FAILED, FT_DOWNLOAD_INTEGRITY, FT_DISK_FULL or FT_NOT_WRITABLE, or with the signal's reason.
 */
export async function download(options: DownloadOptions): Promise<string> {
  const { url, expected, cacheDir, signal, onProgress } = options;
  const { pollMs } = { ...defaultLimits, ...options.limits };
  const address = checkedUrl(url);
  const name = fileName(address);
  const key = sha256Hex(`${expected.algorithm}:${expected.hex}:${url}`).slice(0, 16);
  const dir = join(cacheDir, 'downloads', `${name}-${key}`);
  const target = join(dir, name);
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (await isIntact(target, expected, signal)) return target;
      await makeFolder(dir);
      const taken = await takeProcessLock(dir);
      if ('lock' in taken) {
        try {
          // The one before may have finished between the look and the lock.
          if (!(await isIntact(target, expected, signal)))
            await fetchInto(dir, target, address, options);
          return target;
        } finally {
          await taken.lock.release();
        }
      }
      onProgress?.({
        message: `Waiting for process ${taken.heldBy?.pid ?? '?'}, which downloads ${name}`,
        ...{ done: 0, total: 0 },
      });
      await sleep(pollMs, undefined, signal === undefined ? {} : { signal });
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw cacheError(error instanceof FtctlError ? error : diskError(error, dir), cacheDir);
  }
}

function checkedUrl(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address !== undefined && isAllowedUrl(address)) return address;
  throw new FtctlError('FT_DOWNLOAD_FAILED', {
    what: `${url} cannot be downloaded.`,
    why: 'An address starts with https://.',
    remedy: 'Correct the address.',
    details: { url },
  });
}

/** The last part of the path, without what a file system may not like. */
function fileName(address: URL): string {
  const last = decodeURIComponentSafe(address.pathname.split('/').at(-1) ?? '');
  const name = last
    .replace(/[^\w.+-]/g, '_')
    .replace(/^\.+/, '')
    .slice(0, 100);
  return name === '' ? 'file' : name;
}

function decodeURIComponentSafe(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function isIntact(
  path: string,
  expected: ExpectedDigest,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return false;
  return (await fileDigest(path, expected.algorithm, signal)).startsWith(expected.hex);
}

/** Under the lock: completes the part, compares its hash, and moves it to `target`. */
async function fetchInto(
  dir: string,
  target: string,
  address: URL,
  options: DownloadOptions,
): Promise<void> {
  const { url, expected, signal } = options;
  const part = join(dir, 'part');
  for (let isSecond = false; ; isSecond = true) {
    const hadPart = await completePart(dir, part, address, options);
    const actual = await fileDigest(part, expected.algorithm, signal);
    if (actual.startsWith(expected.hex)) break;
    await rm(part, { force: true });
    // A part of an older version may have been continued: once more from the start.
    if (hadPart && !isSecond) continue;
    throw new FtctlError('FT_DOWNLOAD_INTEGRITY', {
      what: `${url} as downloaded has the ${expected.algorithm} ${actual}.`,
      why: `It must ${expected.hex.length === actual.length ? 'be' : 'start with'} ${expected.hex}.`,
      details: { url, actual, expected: expected.hex },
    });
  }
  await rename(part, target);
  await rm(`${part}.json`, { force: true });
  await syncFolder(dir);
}

/** Retries until the part is the whole file. Gives whether it had bytes before. */
async function completePart(
  dir: string,
  part: string,
  address: URL,
  options: DownloadOptions,
): Promise<boolean> {
  const { url, maxBytes, onProgress, signal } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const file = await open(part, constants.O_RDWR | constants.O_CREAT);
  try {
    let { size, validator } = await knownPart(file, part, url);
    const hadPart = size > 0;
    const message = `Downloading ${fileName(address)}`;
    let failuresInARow = 0;
    for (let failures = 0; ;) {
      const before = size;
      try {
        await requestBytes({
          ...{ url: address, file, start: size, validator, maxBytes, signal },
          stallMs: limits.stallMs,
          onStart: async (start, remote) => {
            if (start === 0) await file.truncate(0);
            ({ validator } = remote);
            size = start;
            await writeFileAtomic(`${part}.json`, JSON.stringify({ url, validator }));
          },
          onBytes: (done, total) => {
            size = done;
            onProgress?.({ message, done, total: total ?? 0 });
          },
        });
        await file.sync();
        return hadPart;
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        // Beyond the end: the part is whole, or not of this file. Its hash will tell.
        if (error.status === 416 && size > 0) return true;
        failures += 1;
        failuresInARow = size > before ? 1 : failuresInARow + 1;
        if (
          !error.isRetryable ||
          failuresInARow >= limits.maxAttempts ||
          failures >= limits.maxFailures
        ) {
          throw failed(url, error, failures, size);
        }
        const backOff = limits.retryDelayMs * Math.min(16, 2 ** (failuresInARow - 1));
        onProgress?.({
          message: `${message}: ${error.message}, trying again`,
          done: size,
          total: 0,
        });
        const delayMs = error.retryAfterMs ?? backOff;
        await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
      }
    }
  } finally {
    await file.close();
  }
}

/** How much of the file lies there, if it is known to be of this address. */
async function knownPart(
  file: FileHandle,
  part: string,
  url: string,
): Promise<{ size: number; validator: string | null }> {
  try {
    const known = partSchema.parse(JSON.parse(await readFile(`${part}.json`, 'utf8')));
    if (known.url === url) return { size: (await file.stat()).size, validator: known.validator };
  } catch {
    // Absent or damaged: nothing is known of the part.
  }
  await file.truncate(0);
  return { size: 0, validator: null };
}

function failed(url: string, error: RequestError, failures: number, size: number): FtctlError {
  const tries = failures === 1 ? '' : ` (${failures} attempts)`;
  const kept = size === 0 ? '' : ` ${size} bytes have arrived and are kept.`;
  return new FtctlError('FT_DOWNLOAD_FAILED', {
    what: `${url} cannot be downloaded: ${error.message}${tries}.${kept}`,
    cause: error,
    details: { url, status: error.status ?? null, attempts: failures, bytes: size },
  });
}
