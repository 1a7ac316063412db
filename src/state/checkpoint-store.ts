import { mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FtctlError } from '../errors/index.js';
import type { SnapshotKind } from '../rpc/control-messages.js';
import type { Snapshot } from '../train/trainer.js';
import { diskError, removeTemporaries, writeFileAtomic } from '../util/atomic-file.js';
import { readLargeFile } from '../util/large-bytes.js';
import { type OpenedSnapshot, openSnapshot } from './snapshot.js';

/** Checkpoints kept: the newest, and the one before it should the newest turn out damaged. */
const numKept = 2;
const checkpointPattern = /^epoch-\d{4,}-round-(\d{6,})\.ckpt$/;

/** Where a run's states lie (RunFolder has both). */
export interface CheckpointFolders {
  readonly checkpointsDir: string;
  readonly bestDir: string;
}

/** The newest checkpoint that can be used, and the newer ones that cannot. */
export interface IntactCheckpoint {
  readonly snapshot: OpenedSnapshot;
  readonly path: string;
  /** Paths of damaged files that were passed over, newest first. */
  readonly damaged: string[];
}

/**
 * The states of one run on disk: `checkpoints/epoch-0012-round-000576.ckpt` (the last two), `checkpoints/final.ckpt`
 * (the finished run's, which no run resumes from: a longer one could not) and `best/best.ckpt`. The epoch in a name
 * counts from 1, as people are shown it. One process at a time writes.
 */
export class CheckpointStore {
  readonly #folders: CheckpointFolders;
  /** Writes go one after the other: a slow old `best` must not replace a newer one. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(folders: CheckpointFolders) {
    this.#folders = folders;
  }

  /**
   * Writes atomically and resolves with the path once the bytes are durable. `epoch` is the run's epoch that the
   * state is of, from 0. Rejects with FT_DISK_FULL or FT_NOT_WRITABLE, and leaves no temporary file.
   */
  async write(kind: SnapshotKind, snapshot: Snapshot, epoch: number): Promise<string> {
    const done = this.#queue.then(() => this.#write(kind, snapshot, epoch));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /**
   * The state to resume from. Undefined where no checkpoint was ever written; rejects with FT_CHECKPOINT_DAMAGED
   * where some were and none is intact.
   */
  async newestIntact(): Promise<IntactCheckpoint | undefined> {
    const damaged: string[] = [];
    for (const { path } of await this.#list()) {
      try {
        const snapshot = await readSnapshot(path);
        return { snapshot, path, damaged };
      } catch (error) {
        if (FtctlError.from(error).code !== 'FT_CHECKPOINT_DAMAGED') throw error;
        damaged.push(path);
      }
    }
    if (damaged.length === 0) return undefined;
    throw new FtctlError('FT_CHECKPOINT_DAMAGED', {
      what: `No checkpoint can be used: ${damaged.join(', ')} ${damaged.length === 1 ? 'is' : 'are'} damaged.`,
      remedy: 'Start the run anew, or put an intact copy of a checkpoint back.',
      details: { damaged },
    });
  }

  /** The state that the run has come to: a finished one's, unless the run has gone on since. Undefined or rejects as {@link newestIntact}. */
  async reached(): Promise<OpenedSnapshot | undefined> {
    const newest = await this.newestIntact();
    const final = await readSnapshot(this.#path('final', 0, 0)).catch((error: unknown) => {
      if (newest !== undefined) return newest.snapshot;
      if (isAbsent(FtctlError.from(error).cause)) return undefined;
      throw error;
    });
    if (final === undefined || newest === undefined) return final;
    return final.round >= newest.snapshot.round ? final : newest.snapshot;
  }

  /** Deletes temporary files that a killed writer left; for the one process that writes, before it writes. */
  async removeLeftovers(): Promise<void> {
    for (const dir of [this.#folders.checkpointsDir, this.#folders.bestDir]) {
      await mkdir(dir, { recursive: true });
      await removeTemporaries(dir);
    }
  }

  async #write(kind: SnapshotKind, snapshot: Snapshot, epoch: number): Promise<string> {
    const path = this.#path(kind, snapshot.round, epoch);
    try {
      await mkdir(kind === 'best' ? this.#folders.bestDir : this.#folders.checkpointsDir, {
        recursive: true,
      });
    } catch (error) {
      throw diskError(error, path);
    }
    await writeFileAtomic(path, snapshot.bytes);
    if (kind === 'checkpoint') await this.#prune(snapshot.round);
    return path;
  }

  /** Newer files than the state just written are damaged ones, which a resumed run will overwrite. */
  async #prune(round: number): Promise<void> {
    const older = (await this.#list()).filter((file) => file.round <= round);
    for (const { path } of older.slice(numKept)) await unlink(path).catch(() => undefined);
  }

  async #list(): Promise<{ path: string; round: number }[]> {
    const dir = this.#folders.checkpointsDir;
    const names = await readdir(dir).catch(() => []);
    return names
      .flatMap((name) => {
        const round = checkpointRound(name);
        return round === undefined ? [] : [{ path: join(dir, name), round }];
      })
      .sort((a, b) => b.round - a.round);
  }

  #path(kind: SnapshotKind, round: number, epoch: number): string {
    if (kind === 'best') return join(this.#folders.bestDir, 'best.ckpt');
    if (kind === 'final') return join(this.#folders.checkpointsDir, 'final.ckpt');
    const name = `epoch-${padded(epoch + 1, 4)}-round-${padded(round, 6)}.ckpt`;
    return join(this.#folders.checkpointsDir, name);
  }
}

/** The round of a checkpoint, by its file's name; undefined for files of another kind, `final.ckpt` among them. */
export function checkpointRound(name: string): number | undefined {
  const round = checkpointPattern.exec(name)?.[1];
  return round === undefined ? undefined : Number(round);
}

/** The state in a file. Rejects as openSnapshot does: a file that cannot be read is as good as damaged, as the one before it may be readable. */
export async function readSnapshot(path: string): Promise<OpenedSnapshot> {
  let bytes: Buffer;
  try {
    bytes = await readLargeFile(path);
  } catch (error) {
    throw new FtctlError('FT_CHECKPOINT_DAMAGED', {
      what: `Cannot read ${path}: ${error instanceof Error ? error.message : String(error)}.`,
      cause: error,
    });
  }
  return openSnapshot(bytes);
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
