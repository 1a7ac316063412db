import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { CacheStore } from '../../../src/features/cache-store.js';

const storeModule = new URL('../../../dist/features/cache-store.js', import.meta.url).href;

let root: string;
let dir: string;
let warnings: string[];
let isMounted = false;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ftctl-cache-'));
  dir = join(root, 'features');
  warnings = [];
});
afterEach(() => {
  if (isMounted) execFileSync('umount', ['--lazy', root]);
  isMounted = false;
  rmSync(root, { recursive: true, force: true });
});

const onWarning = (message: string): void => void warnings.push(message);
const open = (readOnly = false): Promise<CacheStore> =>
  CacheStore.open(dir, { readOnly, onWarning });
const key = (i: number): Buffer => createHash('sha256').update(`key ${i}`).digest();
const value = (i: number, length = 3000): Buffer => Buffer.alloc(length, (i % 255) + 1);

async function filled(numEntries: number): Promise<void> {
  const store = await open();
  for (let i = 0; i < numEntries; i += 1) store.put(key(i), value(i));
  await store.close();
}

/** How many of the entries are there, with the right bytes; fails on wrong ones. */
function countIntact(store: CacheStore, numEntries: number): number {
  let intact = 0;
  for (let i = 0; i < numEntries; i += 1) {
    const bytes = store.get(key(i));
    if (bytes === undefined) continue;
    expect(Buffer.from(bytes).equals(value(i))).toBe(true);
    intact += 1;
  }
  return intact;
}

/** Runs `body` (which has `store`, `key`, `value`) in a process of its own, on the compiled module. */
function inProcess(body: string): Promise<{ stdout: string }> {
  const script = `
    import { createHash } from 'node:crypto';
    import { CacheStore } from ${JSON.stringify(storeModule)};
    const key = (i) => createHash('sha256').update('key ' + i).digest();
    const value = (i, length = 3000) => Buffer.alloc(length, (i % 255) + 1);
    const onWarning = (message) => console.log('warning: ' + message);
    const store = await CacheStore.open(${JSON.stringify(dir)}, { onWarning });
    ${body}
  `;
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
}

const elsewhere =
  'Another folder is chosen by `cache.path` in the configuration, or the environment variable FTCTL_CACHE.';

describe('an entry', () => {
  it('is there before and after its commit, and for the next opener', async () => {
    const store = await open();
    store.put(key(1), value(1).subarray(0, 1000), value(1).subarray(1000));
    expect(countIntact(store, 2)).toBe(1);
    store.flush();
    expect(Buffer.from(store.get(key(1))!).equals(value(1))).toBe(true);
    expect(store.get(key(2))).toBeUndefined();
    await store.close();
    const again = await open();
    expect(countIntact(again, 2)).toBe(1);
    await again.close();
    expect(warnings).toEqual([]);
  });

  it('that was damaged on the disk counts as absent, is deleted, and can be made anew', async () => {
    await filled(3);
    const file = join(dir, 'data.mdb');
    const at = readFileSync(file).indexOf(value(1).subarray(0, 100));
    const fd = openSync(file, 'r+');
    writeSync(fd, Buffer.of(0), 0, 1, at + 50);
    closeSync(fd);
    let store = await open();
    expect(store.get(key(1))).toBeUndefined();
    expect(countIntact(store, 3)).toBe(2);
    await store.close();
    store = await open();
    expect(countIntact(store, 3)).toBe(2);
    store.put(key(1), value(1));
    await store.close();
    store = await open();
    expect(countIntact(store, 3)).toBe(3);
    await store.close();
    expect(warnings).toEqual([]);
  });

  it('is not taken for the entry of another key', async () => {
    await filled(1);
    const file = join(dir, 'data.mdb');
    const bytes = readFileSync(file);
    // The tree now says that key 7 holds what was stored, with its checksum, under key 0.
    for (let at = bytes.indexOf(key(0)); at >= 0; at = bytes.indexOf(key(0), at + 1)) {
      key(7).copy(bytes, at);
    }
    writeFileSync(file, bytes);
    const store = await open();
    expect(store.get(key(0))).toBeUndefined();
    expect(store.get(key(7))).toBeUndefined();
    await store.close();
  });
});

describe('a damaged file', () => {
  const cases: Record<string, (file: string, size: number) => void> = {
    'cut to nothing': (file) => {
      truncateSync(file, 0);
    },
    'cut within its header': (file) => {
      truncateSync(file, 100);
    },
    'cut to its header': (file) => {
      truncateSync(file, 4096);
    },
    'cut in the middle': (file, size) => {
      truncateSync(file, Math.floor(size / 2));
    },
    'cut by its last page': (file, size) => {
      truncateSync(file, size - 4096);
    },
    'all zero': (file, size) => {
      writeFileSync(file, Buffer.alloc(size));
    },
    'all garbage': (file, size) => {
      writeFileSync(file, garbage(size));
    },
    'with a garbage header': (file) => {
      overwrite(file, 0, 8192);
    },
    'with garbage in its second half': (file, size) => {
      overwrite(file, Math.floor(size / 2), Math.ceil(size / 2));
    },
    'with garbage behind its header': (file, size) => {
      overwrite(file, 8192, size - 8192);
    },
  };
  function garbage(size: number): Buffer {
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < size; i += 1) bytes[i] = (i * 2654435761) >>> 13;
    return bytes;
  }
  function overwrite(file: string, at: number, size: number): void {
    const fd = openSync(file, 'r+');
    writeSync(fd, garbage(size), 0, size, at);
    closeSync(fd);
  }

  it.each(Object.keys(cases))(
    '%s neither ends the process nor gives a wrong byte',
    async (name) => {
      await filled(400);
      const file = join(dir, 'data.mdb');
      cases[name]!(file, statSync(file).size);
      const { stdout } = await inProcess(`
      let intact = 0;
      for (let i = 0; i < 400; i += 1) {
        const bytes = store.get(key(i));
        if (bytes === undefined) continue;
        if (!value(i).equals(bytes)) console.log('WRONG ' + i);
        intact += 1;
      }
      for (let i = 0; i < 400; i += 1) store.put(key(i), value(i));
      store.flush();
      let after = 0;
      for (let i = 0; i < 400; i += 1) after += store.get(key(i)) === undefined ? 0 : 1;
      await store.close();
      console.log('ended', intact < 400, after);
    `);
      expect(stdout).not.toContain('WRONG');
      expect(stdout).toMatch(/ended true 400\n$/);
      if (name !== 'cut to nothing') {
        expect(stdout).toMatch(
          /warning: The cache .*features is damaged \(.+\); it was moved to .*features\.damaged and starts anew\./,
        );
        expect(existsSync(`${dir}.damaged/data.mdb`)).toBe(true);
      }
    },
  );

  it('is not looked for by a child process when it is as the last close left it', async () => {
    await filled(1);
    // A probe needs this very node binary: with a broken one in its place it could only fail.
    const execPath = process.execPath;
    process.execPath = '/nonexistent';
    onTestFinished(() => {
      process.execPath = execPath;
    });
    const store = await open();
    expect(countIntact(store, 1)).toBe(1);
    await store.close();
    expect(warnings).toEqual([]);
  });
});

describe('a cache that cannot be written', () => {
  it('is only read, with one warning', async () => {
    await filled(2);
    const store = await open(true);
    store.put(key(5), value(5));
    expect(countIntact(store, 6)).toBe(2);
    await store.close();
    expect(warnings).toEqual([]);
  });

  it('because its path is a file is not used, with one warning', async () => {
    writeFileSync(dir, 'not a folder');
    const store = await open();
    store.put(key(0), value(0));
    expect(store.get(key(0))).toBeUndefined();
    await store.close();
    expect(warnings).toEqual([
      `The cache ${dir} is not used: Cannot write ${dir}: a file lies where its folder should be (EEXIST). ${elsewhere}`,
    ]);
  });
});

/** Mounts a file system of its own on `root`; false, with a printed reason, where that is not permitted. */
function mounted(...options: string[]): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', ...options, 'tmpfs', root], { stdio: 'pipe' });
  } catch (error) {
    console.log(`skipped: a file system cannot be mounted here (${(error as Error).message})`);
    return false;
  }
  isMounted = true;
  return true;
}

describe('on a file system of its own', () => {
  it('a full disk makes the cache read-only, with one warning, and ends nothing', async (context) => {
    if (!mounted('-o', 'size=2m')) context.skip();
    const { stdout } = await inProcess(`
      process.on('unhandledRejection', () => console.log('UNHANDLED'));
      for (let i = 0; i < 2000; i += 1) {
        store.put(key(i), value(i));
        if (i % 20 === 19) store.flush();
      }
      let intact = 0;
      for (let i = 0; i < 2000; i += 1) {
        const bytes = store.get(key(i));
        if (bytes !== undefined && !value(i).equals(bytes)) console.log('WRONG ' + i);
        if (bytes !== undefined) intact += 1;
      }
      await store.close();
      console.log('ended', intact > 100 && intact < 1000);
    `);
    expect(stdout).toBe(
      `warning: The cache ${dir} cannot be written (no space is left on the disk); from here on it is only read. ${elsewhere}\n` +
        'ended true\n',
    );
    const store = await open();
    expect(countIntact(store, 2000)).toBeGreaterThan(100);
    await store.close();
  });

  it('a disk with no room for a cache leaves the run without one', async (context) => {
    if (!mounted('-o', 'size=64k')) context.skip();
    writeFileSync(join(root, 'filler'), Buffer.alloc(56 * 1024));
    const store = await open();
    store.put(key(0), value(0));
    store.flush();
    await store.close();
    expect(warnings).toEqual([
      `The cache ${dir} is not used: no space is left on the disk. ${elsewhere}`,
    ]);
  });

  it('a read-only one is read, with one warning', async (context) => {
    if (!mounted('-o', 'size=8m')) context.skip();
    await filled(5);
    execFileSync('mount', ['-o', 'remount,ro', root]);
    const store = await open();
    store.put(key(9), value(9));
    store.flush();
    expect(countIntact(store, 10)).toBe(5);
    await store.close();
    expect(warnings).toEqual([`The cache ${dir} cannot be written; it is only read. ${elsewhere}`]);
  });
});

describe('sharing', () => {
  it('two processes fill one cache at the same time, and each sees what the other wrote', async () => {
    await filled(1);
    const write = (from: number): Promise<{ stdout: string }> =>
      inProcess(`
        for (let i = ${from}; i < 2000; i += 2) {
          store.put(key(i), value(i));
          if (i % 64 < 2) store.flush();
        }
        await store.close();
      `);
    const outputs = await Promise.all([write(0), write(1)]);
    expect(outputs.map(({ stdout }) => stdout)).toEqual(['', '']);
    const store = await open();
    expect(countIntact(store, 2000)).toBe(2000);
    await store.close();
    expect(warnings).toEqual([]);
  });

  it('a process that is killed while it writes costs at most what it had not committed', async () => {
    await filled(100);
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { CacheStore } from ${JSON.stringify(storeModule)};
         import { createHash } from 'node:crypto';
         const store = await CacheStore.open(${JSON.stringify(dir)}, { onWarning: console.log });
         console.log('writing');
         for (let i = 0; ; i += 1) {
           store.put(createHash('sha256').update('other ' + i).digest(), Buffer.alloc(3000));
           if (i % 16 === 0) store.flush();
         }`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, 150));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const store = await open();
    expect(countIntact(store, 100)).toBe(100);
    store.put(key(500), value(500));
    store.flush();
    expect(countIntact(store, 501)).toBe(101);
    await store.close();
    expect(warnings).toEqual([]);
  });

  it('a file that is open elsewhere may be copied and opened: nothing in it names its place', async () => {
    await filled(10);
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere);
    cpSync(join(dir, 'data.mdb'), join(elsewhere, 'data.mdb'));
    const store = await CacheStore.open(elsewhere, { onWarning });
    expect(countIntact(store, 10)).toBe(10);
    await store.close();
  });
});
