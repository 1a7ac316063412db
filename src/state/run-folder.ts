import { randomBytes } from 'node:crypto';
import {
  constants,
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
} from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { diskError, removeTemporaries, syncFolder, writeFileAtomic } from '../util/atomic-file.js';
import { makeFolder } from '../util/make-folder.js';
import { type ProcessLock, takeProcessLock } from '../util/process-lock.js';
import { settleFolder } from '../util/replace-folder.js';
import { makeTemporaryFolder } from '../util/temporary-folder.js';
import { findRun, runIds } from './run-lookup.js';
import { type RunRecord, type RunSummary, summariseRun } from './run-summary.js';

const subfolders = ['checkpoints', 'best', 'model', 'logs'] as const;
/** A new run is made in a folder of this name; with a dot, so that it is never taken for a run. */
const temporaryPrefix = '.new-run-';
/** Names become folder names and parts of command lines. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * One run on disk: `<runsDir>/<id>/{config.yaml, journal.jsonl, events.jsonl, metrics.jsonl, checkpoints/, best/,
 * model/, logs/}`, with `result.json` once it has ended. Knows where everything is, and writes only the
 * configuration, the result and the lock; the files of others have their own owners.
 */
export class RunFolder {
  readonly id: string;
  /** Absolute. */
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
    this.id = basename(dir);
  }

  /**
   * Makes a new run folder, whole or not at all, and removes what killed processes left of theirs. `suffix` gives four characters that tell apart runs which start in
   * the same second. Rejects with FT_NOT_WRITABLE or FT_DISK_FULL.
   */
  static async create(
    runsDir: string,
    name: string,
    yaml: string,
    now: Date,
    suffix: () => string = randomSuffix,
  ): Promise<RunFolder> {
    if (!namePattern.test(name)) {
      throw new FtctlError('FT_NOT_WRITABLE', {
        what: `A run cannot be named "${name}".`,
        why: 'The name is part of a folder name: letters, digits, ".", "_" and "-", starting with a letter or digit.',
        remedy: 'Change `name` in the configuration.',
      });
    }
    const parent = resolve(runsDir);
    try {
      await makeFolder(parent);
      for (;;) {
        const id = `${name}-${compactTime(now)}-${suffix()}`;
        const made = await createAt(parent, id, yaml);
        if (made !== undefined) return new RunFolder(made);
      }
    } catch (error) {
      throw diskError(error, parent);
    }
  }

  /**
   * The run with this id, the one whose id starts so, or the one at this path (absolute, or with a separator).
   * Rejects with FT_RUN_NOT_FOUND, which names the nearest ids.
   */
  static async open(runsDir: string, idOrPath: string): Promise<RunFolder> {
    return new RunFolder(await findRun(runsDir, idOrPath));
  }

  /** All runs of a folder, newest first; an absent folder has none. What is not a run is passed over. */
  static async list(runsDir: string): Promise<RunSummary[]> {
    const root = resolve(runsDir);
    const runs = (await runIds(root)).map((id) => new RunFolder(join(root, id)));
    const summaries = await Promise.all(runs.map((run) => run.summary()));
    return summaries.sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1));
  }

  get configPath(): string {
    return join(this.dir, 'config.yaml');
  }
  get journalPath(): string {
    return join(this.dir, 'journal.jsonl');
  }
  get eventsPath(): string {
    return join(this.dir, 'events.jsonl');
  }
  get metricsPath(): string {
    return join(this.dir, 'metrics.jsonl');
  }
  get resultPath(): string {
    return join(this.dir, 'result.json');
  }
  /** Scrape targets of the run's processes, for Prometheus' file_sd; absent when none lives. */
  get targetsPath(): string {
    return join(this.dir, 'prometheus-targets.json');
  }
  /** Address, term and pid of the living coordinator; absent when none lives. */
  get coordinatorPath(): string {
    return join(this.dir, 'coordinator.json');
  }
  get checkpointsDir(): string {
    return join(this.dir, 'checkpoints');
  }
  get bestDir(): string {
    return join(this.dir, 'best');
  }
  get modelDir(): string {
    return join(this.dir, 'model');
  }
  get logsDir(): string {
    return join(this.dir, 'logs');
  }
  logPath(process: 'launch' | 'coordinator' | { slot: number }): string {
    const name = typeof process === 'string' ? process : `worker-${String(process.slot)}`;
    return join(this.logsDir, `${name}.log`);
  }

  /** Takes the run for this process; rejects with FT_RUN_IN_USE. The lock of a dead process is taken over. */
  async lock(): Promise<ProcessLock> {
    const taken = await takeProcessLock(this.dir).catch((error: unknown) => {
      throw diskError(error, this.dir);
    });
    if ('lock' in taken) return taken.lock;
    const by = taken.heldBy;
    throw new FtctlError('FT_RUN_IN_USE', {
      what:
        by === null
          ? `Another launch is just taking the run ${this.id}.`
          : `Process ${by.pid} on ${by.host} is working in the run ${this.id}.`,
      why: 'Two launches in one run folder would overwrite each other.',
      details: { runDir: this.dir, pid: by?.pid ?? null, host: by?.host ?? null },
    });
  }

  /**
   * Makes `yaml` the configuration. An old one that differs stays as `config.<n>.yaml`, n counting from 1, so that
   * the history of a continued run can be read.
   */
  async replaceConfig(yaml: string): Promise<void> {
    try {
      if ((await readFile(this.configPath, 'utf8')) === yaml) return;
      for (let n = 1; ; n += 1) {
        const kept = join(this.dir, `config.${String(n)}.yaml`);
        if (await copyNew(this.configPath, kept)) break;
      }
    } catch (error) {
      throw diskError(error, this.configPath);
    }
    await writeFileAtomic(this.configPath, yaml);
  }

  /** Whether there is a checkpoint to resume from. */
  async hasCheckpoint(): Promise<boolean> {
    const names = await readdir(this.checkpointsDir).catch(() => []);
    // `final.ckpt` is no start for a longer run.
    return names.some((name) => /^epoch-.*\.ckpt$/.test(name));
  }

  /** Records how the run ended, for `list`. */
  async writeResult(record: RunRecord): Promise<void> {
    await writeFileAtomic(this.resultPath, `${JSON.stringify(record, null, 2)}\n`);
  }

  /** Whether an end is recorded. */
  async hasResult(): Promise<boolean> {
    return (await stat(this.resultPath).catch(() => null)) !== null;
  }

  /** Forgets the last end: the run is being continued. */
  async removeResult(): Promise<void> {
    await unlink(this.resultPath).catch(ignoreAbsent);
  }

  /**
   * Removes what the processes of a run leave behind when they are killed, and completes a model folder that one of them
   * was replacing. Only for the lock's holder, with all of them gone.
   */
  async sweep(): Promise<void> {
    await unlink(this.coordinatorPath).catch(ignoreAbsent);
    await unlink(this.targetsPath).catch(ignoreAbsent);
    for (const dir of [this.dir, ...subfolders.map((name) => join(this.dir, name))]) {
      await removeTemporaries(dir).catch(ignoreAbsent);
    }
    await settleFolder(this.modelDir);
  }

  /** Removes the folder with all that is in it, and says whether it could. Only for the lock's holder. */
  async remove(): Promise<boolean> {
    return await rm(this.dir, { recursive: true, force: true }).then(
      () => true,
      () => false,
    );
  }

  summary(): Promise<RunSummary> {
    return summariseRun(this);
  }
}

/** Undefined where a run of this id is there. */
async function createAt(parent: string, id: string, yaml: string): Promise<string | undefined> {
  const dir = join(parent, id);
  const temporary = await makeTemporaryFolder(parent, temporaryPrefix);
  try {
    const fresh = join(temporary, 'run');
    await mkdir(fresh);
    for (const name of subfolders) await mkdir(join(fresh, name));
    await writeFileAtomic(join(fresh, 'config.yaml'), yaml);
    // Renaming replaces an empty folder alone, and no run folder is empty.
    await rename(fresh, dir);
  } catch (error) {
    if (isCode(error, 'ENOTEMPTY') || isCode(error, 'EEXIST')) return undefined;
    throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  await syncFolder(parent);
  return dir;
}

async function copyNew(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    await rm(to, { force: true });
    throw error;
  }
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return true;
}

/** `20250131T142233Z`: sorts by time, and has no character that a file system minds. */
export function compactTime(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:]/g, '');
}

/** 4 of 32 letters and digits: two runs of one second collide once in a million, and then another suffix is drawn. */
function randomSuffix(): string {
  return Array.from(randomBytes(4), (byte) => '0123456789abcdefghjkmnpqrstvwxyz'[byte % 32]).join(
    '',
  );
}

function ignoreAbsent(error: unknown): void {
  if (!isCode(error, 'ENOENT')) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
