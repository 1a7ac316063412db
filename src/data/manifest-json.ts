import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FtctlError } from '../errors/index.js';
import type { Manifest } from './manifest.js';

const manifestFile = z.object({
  format: z.literal('ftctl-manifest-1'),
  hash: z.string(),
  classIds: z.array(z.string()),
  classNames: z.array(z.string()),
  /** [id, path, label, split, sha256] */
  samples: z.array(
    z.tuple([
      z.string(),
      z.string(),
      z.number().int().nonnegative(),
      z.enum(['train', 'val', 'test']),
      z.string(),
    ]),
  ),
  skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
});

type Content = Pick<Manifest, 'classIds' | 'classNames' | 'samples'>;

function rowsOf(samples: Manifest['samples']): z.infer<typeof manifestFile>['samples'] {
  return samples.map(({ id, path, label, split, sha256 }) => [id, path, label, split, sha256]);
}

/** {@link Manifest.hash}: SHA-256 of the JSON of class ids, class names and the samples' fields in order. */
export function manifestHash({ classIds, classNames, samples }: Content): string {
  return createHash('sha256')
    .update(JSON.stringify([classIds, classNames, rowsOf(samples)]))
    .digest('hex');
}

/** A manifest as one line of JSON, for the run folder and for workers. */
export function encodeManifest(manifest: Manifest): string {
  const { hash, classIds, classNames, samples, skipped } = manifest;
  const file: z.infer<typeof manifestFile> = {
    format: 'ftctl-manifest-1',
    hash,
    classIds: [...classIds],
    classNames: [...classNames],
    samples: rowsOf(samples),
    skipped: skipped.map(({ path, reason }) => ({ path, reason })),
  };
  return JSON.stringify(file);
}

/** The manifest back from its JSON. Throws FT_DATA_MANIFEST where it is damaged or its hash does not fit. */
export function decodeManifest(text: string): Manifest {
  let file: z.infer<typeof manifestFile>;
  try {
    file = manifestFile.parse(JSON.parse(text));
  } catch (error) {
    throw new FtctlError('FT_DATA_MANIFEST', {
      what: 'The stored manifest cannot be read.',
      cause: error,
    });
  }
  const samples = file.samples.map(([id, path, label, split, sha256]) => ({
    id,
    path,
    label,
    split,
    sha256,
  }));
  const { classIds, classNames, skipped } = file;
  const content = { classIds, classNames, samples };
  const actual = manifestHash(content);
  if (actual !== file.hash) {
    throw new FtctlError('FT_DATA_MANIFEST', {
      what: `The stored manifest has hash ${actual}, and says ${file.hash}.`,
    });
  }
  return { ...content, skipped, hash: file.hash };
}
