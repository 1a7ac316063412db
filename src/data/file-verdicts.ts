import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../util/atomic-file.js';
import { makeFolder } from '../util/make-folder.js';
import { decoderVersion } from './decode.js';

/** What was found out about a file by reading and decoding it. */
export interface FileVerdict {
  readonly sha256: string;
  /** Why it cannot be used, or null. */
  readonly reason: string | null;
}

interface Entry extends FileVerdict {
  readonly stamp: string;
}

/**
 * Some file systems stamp files no finer than this. A file that was written so shortly before its verdict may be
 * written once more without a new stamp, so such a verdict is not believed later (git's "racily clean" entries).
 */
const stampGrainNs = 2_000_000_000n;

/**
 * Remembers verdicts of a data folder's files between runs, by path, size, inode and times of modification and
 * change; so that a second run neither reads nor decodes. One JSON file per data folder, replaced atomically: of two
 * runs at once, the last one's is kept. A verdict of another decoder version is forgotten.
 */
export class FileVerdicts {
  readonly #path: string;
  readonly #known: Map<string, Entry>;
  #isChanged = false;

  private constructor(path: string, known: Map<string, Entry>) {
    this.#path = path;
    this.#known = known;
  }

  /** Opens what is known of `root`; a missing or damaged file is the same as nothing known. */
  static async open(cacheDir: string, root: string): Promise<FileVerdicts> {
    const name = createHash('sha256').update(root).digest('hex').slice(0, 24);
    const path = join(cacheDir, 'verdicts', `${name}.json`);
    try {
      const { mtimeNs } = await stat(path, { bigint: true });
      const { decoder, files } = JSON.parse(await readFile(path, 'utf8')) as {
        decoder: unknown;
        files: Record<string, [stamp: string, sha256: string, reason: string | null]>;
      };
      const entries = Object.entries(files)
        .map(([file, [stamp, sha256, reason]]) => [file, { stamp, sha256, reason }] as const)
        .filter(([, { stamp }]) => BigInt(stamp.split(':')[2]!) + stampGrainNs < mtimeNs);
      return new FileVerdicts(path, new Map(decoder === decoderVersion ? entries : []));
    } catch {
      return new FileVerdicts(path, new Map());
    }
  }

  /** The verdict on a file that still is what it was, else undefined. */
  get(file: string, stats: BigIntStats): FileVerdict | undefined {
    const entry = this.#known.get(file);
    return entry?.stamp === stampOf(stats) ? entry : undefined;
  }

  /** `stats` must have been taken before the file was read. */
  set(file: string, stats: BigIntStats, verdict: FileVerdict): void {
    this.#known.set(file, { ...verdict, stamp: stampOf(stats) });
    this.#isChanged = true;
  }

  /** Writes what is new. A cache folder that cannot be written costs time in the next run, and nothing else. */
  async save(): Promise<void> {
    if (!this.#isChanged) return;
    const files = Object.fromEntries(
      [...this.#known].map(([file, { stamp, sha256, reason }]) => [file, [stamp, sha256, reason]]),
    );
    try {
      await makeFolder(dirname(this.#path));
      await writeFileAtomic(this.#path, JSON.stringify({ decoder: decoderVersion, files }));
    } catch {
      // Said above: nothing is lost but time.
    }
  }
}

/** The time of change also catches an edit whose time of modification was set back. */
function stampOf({ size, ino, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${size}:${ino}:${mtimeNs}:${ctimeNs}`;
}
