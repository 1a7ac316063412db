import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchNpmPackage } from '../../../src/util/npm-package.js';

/** Kept between runs of the tests, so that the registry is asked once. */
const kept = fileURLToPath(new URL('../../../node_modules/.cache/ftctl-test', import.meta.url));

/**
 * Fetches a package, where it was not yet, and puts the kept packages into the cache of a test's own, which has nothing else. Rejects
 * with FT_DATA_FETCH where there is no registry.
 */
export async function withNpmPackage(
  cacheDir: string,
  npm: { readonly name: string; readonly version: string; readonly integrity: string },
): Promise<void> {
  await fetchNpmPackage({ ...npm, cacheDir: kept });
  await mkdir(cacheDir, { recursive: true });
  await symlink(join(kept, 'npm'), join(cacheDir, 'npm'));
}
