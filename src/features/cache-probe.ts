import { probeDamaged } from './cache-folder.js';
import { cacheKeyLength, lmdbOptions } from './lmdb-options.js';

/**
 * Child process: `node cache-probe.js DIR read|write` opens a cache and walks it. It exits 0 if all is well, with
 * {@link probeDamaged} if lmdb's tree is not sound, with 1 if it cannot be opened, or by a signal.
 */

/** Values are read too up to so many bytes; beyond, only keys (a value's own damage is found by its checksum). */
const valueBudgetBytes = 256 * 1024 * 1024;

async function main(dir: string, readOnly: boolean): Promise<void> {
  const { open } = await import('lmdb');
  const db = open<Uint8Array, Uint8Array>({ ...lmdbOptions(dir), readOnly });
  let numEntries = 0;
  let valueBytes = 0;
  let previous: Buffer | undefined;
  for (const key of db.getKeys()) {
    const current = Buffer.from(key);
    if (current.length !== cacheKeyLength) damaged(`a key of ${current.length} bytes`);
    if (previous !== undefined && previous.compare(current) >= 0) damaged('keys out of order');
    previous = current;
    numEntries += 1;
    if (valueBytes < valueBudgetBytes) valueBytes += db.getBinary(key)?.length ?? 0;
  }
  const { entryCount } = db.getStats() as { entryCount: number };
  if (numEntries !== entryCount) damaged(`${numEntries} entries of ${entryCount}`);
  await db.close();
}

function damaged(reason: string): never {
  process.stdout.write(reason);
  process.exit(probeDamaged);
}

// A Ctrl-C goes to the whole process group, and is for the launcher to judge.
process.on('SIGINT', () => undefined);

const [, , dir, mode] = process.argv;
if (dir === undefined) process.exit(1);
main(dir, mode === 'read').catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  // lmdb's own errors (MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID) speak of the file; others of the system.
  if (message.startsWith('MDB_') && !message.startsWith('MDB_READERS_FULL')) damaged(message);
  process.stdout.write(message);
  process.exit(1);
});
