import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.js';
import type { Manifest } from '../../data/manifest.js';
import { FtctlError } from '../../errors/index.js';
import { readSnapshot } from '../../state/checkpoint-store.js';
import type { RunFolder } from '../../state/run-folder.js';
import type { RunRecord } from '../../state/run-summary.js';
import { diskError } from '../../util/atomic-file.js';
import { readRecords } from '../journal.js';
import { checkJournalVersion } from '../journal-version.js';
import { type Audit, auditJournal } from './audit-journal.js';
import type { StateFile } from './check-states.js';
import { findManifest, type FindManifestOptions } from './find-manifest.js';

/** What `ftctl audit --json` prints. */
export interface AuditReport extends Audit {
  readonly runId: string;
  readonly runDir: string;
  readonly ok: boolean;
  readonly journal: {
    readonly lines: number;
    /** SHA-256 of its last whole line: it names all lines before it, too. */
    readonly head: string;
    /** Bytes of an unfinished line at its end, as a crash leaves it. */
    readonly tornBytes: number;
  };
  /** Where the samples' list came from, or why there is none. */
  readonly manifest: {
    readonly from: 'cache' | 'images' | null;
    readonly why: string | null;
  };
}

/**
 * Reads all that a run folder has and audits it; writes nothing. Rejects with FT_JOURNAL_DAMAGED, which names the line, where the chain of
 * hashes is broken, with FT_JOURNAL_VERSION, and as loading the configuration does.
 */
export async function auditRun(run: RunFolder, options: FindManifestOptions): Promise<AuditReport> {
  const bytes = await readJournal(run);
  const { records, length, prev: head } = readRecords(bytes);
  checkJournalVersion(records);
  const { spec } = await loadConfig({ path: run.configPath });
  const hashes = new Set(
    records.flatMap((record) => (record.type === 'run' ? [record.manifestHash] : [])),
  );
  const manifests = new Map<string, Manifest>();
  let manifest: AuditReport['manifest'] = {
    from: null,
    why: 'No launch says which images it used.',
  };
  // The last one is that of the run as it went on: what is told of it stays.
  for (const hash of hashes) {
    const found = await findManifest(hash, spec, options);
    options.signal.throwIfAborted();
    if (found.manifest === null) {
      manifest = { from: null, why: found.why };
    } else {
      manifests.set(hash, found.manifest);
      manifest = { from: found.from, why: null };
    }
  }
  const audit = auditJournal({
    ...{ records, spec, manifests },
    lastEpochs: await lastEpochsOf(run),
    states: await readStates(run),
    result: await resultOf(run),
  });
  return {
    ...{ runId: run.id, runDir: run.dir, ok: audit.findings.length === 0 },
    journal: { lines: records.length, head, tornBytes: bytes.length - length },
    manifest,
    ...audit,
  };
}

/** Empty where there is none: the run never came to have a coordinator. */
async function readJournal({ journalPath }: RunFolder): Promise<Buffer> {
  try {
    return await readFile(journalPath);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return Buffer.alloc(0);
    throw diskError(error, journalPath);
  }
}

/** Of the configuration, and of those that it replaced (`config.1.yaml`, ...), oldest first. */
async function lastEpochsOf(run: RunFolder): Promise<number[]> {
  const numberOf = (name: string): number => Number(/^config\.(\d+)\.yaml$/.exec(name)?.[1] ?? NaN);
  const names = (await readdir(run.dir))
    .filter((name) => !Number.isNaN(numberOf(name)))
    .sort((a, b) => numberOf(a) - numberOf(b));
  const epochs: number[] = [];
  for (const path of [...names.map((name) => join(run.dir, name)), run.configPath]) {
    const { spec } = await loadConfig({ path });
    epochs.push(spec.phases.at(-1)!.epochs);
  }
  return epochs;
}

/** One after the other: a state may take gigabytes. */
async function readStates({ dir }: RunFolder): Promise<StateFile[]> {
  const files: StateFile[] = [];
  for (const folder of ['checkpoints', 'best']) {
    const names = await readdir(join(dir, folder)).catch(() => []);
    for (const name of names.filter((each) => each.endsWith('.ckpt')).sort()) {
      files.push({ file: `${folder}/${name}`, state: await readState(join(dir, folder, name)) });
    }
  }
  return files;
}

async function readState(path: string): Promise<StateFile['state']> {
  try {
    const { round, hash, state } = await readSnapshot(path);
    const { ledger, samples, history } = state;
    return { round, hash, ledger, samples, numEvaluations: history.length };
  } catch (error) {
    return FtctlError.from(error).message;
  }
}

/** Null where it cannot be read: it says nothing then. */
async function resultOf({ resultPath }: RunFolder): Promise<RunRecord['status'] | null> {
  try {
    return (JSON.parse(await readFile(resultPath, 'utf8')) as RunRecord).status;
  } catch {
    return null;
  }
}
