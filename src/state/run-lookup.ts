import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { FtctlError } from '../errors/index.js';
import { diskError } from '../util/atomic-file.js';

/**
 * Absolute folder of the run with this id, of the one whose id starts so, or of the one at this path (absolute, or
 * with a separator). Rejects with FT_RUN_NOT_FOUND, which names the nearest ids.
 */
export async function findRun(runsDir: string, idOrPath: string): Promise<string> {
  if (isAbsolute(idOrPath) || /[/\\]/.test(idOrPath)) {
    const dir = resolve(idOrPath);
    if (await isRunFolder(dir)) return dir;
    throw new FtctlError('FT_RUN_NOT_FOUND', {
      what: `${dir} is not a run folder.`,
      why: 'It has no config.yaml.',
    });
  }
  const ids = await runIds(runsDir);
  if (ids.includes(idOrPath)) return join(resolve(runsDir), idOrPath);
  const matches = ids.filter((id) => idOrPath !== '' && id.startsWith(idOrPath));
  if (matches.length === 1) return join(resolve(runsDir), matches[0]!);
  throw matches.length > 1
    ? new FtctlError('FT_RUN_NOT_FOUND', {
        what: `"${idOrPath}" is the start of ${matches.length} run ids: ${listed(matches)}.`,
        remedy: 'Give more of the id.',
        details: { matches },
      })
    : notFound(runsDir, idOrPath, ids);
}

/** Ids of the runs in a folder, sorted; an absent folder has none. What is not a run is passed over. */
export async function runIds(runsDir: string): Promise<string[]> {
  const entries = await readdir(runsDir, { withFileTypes: true }).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return [];
    throw diskError(error, runsDir);
  });
  const names = entries.filter((e) => !e.isFile() && !e.name.startsWith('.')).map((e) => e.name);
  const isRun = await Promise.all(names.map((name) => isRunFolder(join(runsDir, name))));
  return names.filter((_, index) => isRun[index] === true).sort();
}

async function isRunFolder(dir: string): Promise<boolean> {
  return stat(join(dir, 'config.yaml')).then(
    (file) => file.isFile(),
    () => false,
  );
}

function notFound(runsDir: string, wanted: string, ids: readonly string[]): FtctlError {
  if (ids.length === 0) {
    return new FtctlError('FT_RUN_NOT_FOUND', {
      what: `There is no run "${wanted}".`,
      why: `${resolve(runsDir)} holds no runs.`,
      remedy: 'Start one with `ftctl launch`, or give the path of the run folder.',
    });
  }
  const nearest = nearestIds(wanted, ids);
  return new FtctlError('FT_RUN_NOT_FOUND', {
    what: `There is no run "${wanted}" in ${resolve(runsDir)}.`,
    why: `The nearest of its ${ids.length} ids: ${listed(nearest)}.`,
    details: { nearest },
  });
}

/** Compared with as much of each id as was typed: a prefix with a typing error is near to its id. */
function nearestIds(wanted: string, ids: readonly string[]): string[] {
  return ids
    .map((id) => ({ id, far: distance(wanted, id.slice(0, wanted.length)) }))
    .sort((a, b) => a.far - b.far || (a.id < b.id ? 1 : -1))
    .slice(0, 3)
    .map(({ id }) => id);
}

function listed(ids: readonly string[]): string {
  return ids.length <= 5 ? ids.join(', ') : `${ids.slice(0, 5).join(', ')}, ...`;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
