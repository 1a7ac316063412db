import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { loadConfig } from '../config/load.js';
import { readRecords } from '../coordinator/journal.js';
import type { JournalRecord } from '../coordinator/journal-records.js';
import { makeManifest } from '../data/make-manifest.js';
import { noPixelCache } from '../data/pixel-cache.js';
import type { Listing } from '../data/sources/listing.js';
import { FtctlError } from '../errors/index.js';
import { preprocessingOf } from '../models/preprocessing-of.js';
import { RunFolder } from '../state/run-folder.js';
import { progressLine } from './progress-line.js';

/**
 * The images that a run was trained and judged on, with its splits: listed anew, and compared with what the run had. Rejects with
 * FT_USAGE for a model that was copied out of its run, FT_DATA_INTEGRITY where the images are others, or as the listing does.
 */
export async function dataOfRun(modelDir: string, signal: AbortSignal): Promise<Listing> {
  const { run, records } = await runOf(modelDir);
  const { spec } = await loadConfig({ path: run.configPath });
  const { seed, data, model, cache } = spec;
  const report = progressLine();
  const { manifest, dataRoot } = await makeManifest(data, {
    ...{ seed, cacheDir: cache.path, pixelCache: noPixelCache, signal, onProgress: report },
    preprocessing: preprocessingOf(model, data),
  });
  const before = records.findLast((record) => record.type === 'run');
  if (before !== undefined && before.manifestHash !== manifest.hash) {
    throw new FtctlError('FT_DATA_INTEGRITY', {
      what: `The images of ${data.source} are no longer those that the run ${run.id} was trained on.`,
      why: 'With other images the split is drawn anew: val would have images that were trained on.',
      remedy:
        'Put the images back as they were, or name images that were not trained on with --data.',
    });
  }
  return {
    root: dataRoot,
    name: data.source,
    classIds: manifest.classIds,
    files: manifest.samples.map(({ path, label, split }) => ({
      ...{ path, split },
      classId: manifest.classIds[label]!,
    })),
  };
}

/** A folder that is named as a run's model folder is, and lies in a run. */
async function runOf(
  modelDir: string,
): Promise<{ run: RunFolder; records: readonly JournalRecord[] }> {
  try {
    if (basename(modelDir) !== 'model')
      throw new Error('a run calls the folder of its model `model`');
    const run = await RunFolder.open(dirname(modelDir), dirname(modelDir));
    return { run, records: readRecords(await readFile(run.journalPath)).records };
  } catch (cause) {
    throw new FtctlError('FT_USAGE', {
      what: `--data is missing, and ${modelDir} is not in a run folder.`,
      why: 'Only a run says what it was trained on.',
      remedy: 'Name the images with --data.',
      cause,
    });
  }
}
