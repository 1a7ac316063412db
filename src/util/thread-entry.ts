import { fileURLToPath, pathToFileURL } from 'node:url';
import { sep } from 'node:path';

/**
 * The compiled module that a worker thread (or child process) is started with: threads load JavaScript only, while
 * the module that starts them may itself run as TypeScript, in a test.
 *
 * From `dist/...js` the result lies beside the caller; from `src/...ts` it lies at the same place under `dist/`.
 * @param importMetaUrl `import.meta.url` of the caller.
 * @param relative the module, relative to the caller, as an import would name it: `./feature-thread.js`.
 */
export function threadEntry(importMetaUrl: string, relative: string): URL {
  const entry = new URL(relative, importMetaUrl);
  if (!importMetaUrl.endsWith('.ts')) return entry;
  const path = fileURLToPath(entry);
  const marker = `${sep}src${sep}`;
  const at = path.lastIndexOf(marker);
  if (at < 0) return entry;
  return pathToFileURL(
    `${path.slice(0, at)}${sep}dist${sep}${path.slice(at + marker.length)}`.replace(/\.ts$/, '.js'),
  );
}
