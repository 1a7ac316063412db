import { createHash } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create } from 'tar';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { type NpmResult, type RunNpm, runNpm } from '../../../src/util/npm-command.js';
import { fetchNpmPackage, parseNpmReference } from '../../../src/util/npm-package.js';
import { thisProcess } from '../../../src/util/process-lock.js';
import { deadPid, writeLock } from '../../unit/launch/locks.js';

const run = promisify(execFile);

let fixtures: string;
/** A tarball that npm itself made of a small folder, which it does without a network. */
let tarball: Buffer;
beforeAll(async () => {
  fixtures = await mkdtemp(join(tmpdir(), 'ftctl-npm-'));
  const folder = join(fixtures, 'small');
  await mkdir(join(folder, 'img'), { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"name":"@scope/small","version":"1.2.3"}');
  await writeFile(join(folder, 'img', 'a.txt'), 'hello');
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', fixtures], { cwd: folder });
  tarball = await readFile(join(fixtures, 'scope-small-1.2.3.tgz'));
}, 60_000);
afterAll(async () => {
  await rm(fixtures, { recursive: true });
});

let cacheDir: string;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'ftctl-npm-cache-'));
});
afterEach(async () => {
  await rm(cacheDir, { recursive: true });
});

const integrityOf = (bytes: Buffer): string =>
  `sha512-${createHash('sha512').update(bytes).digest('base64')}`;

/** An npm that writes these bytes, as `npm pack` does. */
const delivers =
  (bytes: Buffer): RunNpm =>
  async (args) => {
    await writeFile(join(args[args.indexOf('--pack-destination') + 1]!, 'p-1.2.3.tgz'), bytes);
    return { exitCode: 0, stdout: '[{}]', stderr: 'npm warn something' };
  };

const fails = (result: Partial<NpmResult>): RunNpm => {
  return () => Promise.resolve({ exitCode: 1, stdout: '', stderr: '', ...result });
};

const fetchSmall = (
  options: Partial<Parameters<typeof fetchNpmPackage>[0]> = {},
): Promise<string> =>
  fetchNpmPackage({
    name: '@scope/small',
    version: '1.2.3',
    integrity: integrityOf(tarball),
    cacheDir,
    run: delivers(tarball),
    ...options,
  });

/** Whether there is such a process that has not ended; one that nobody has waited for yet has. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true; // no such file system here
  }
}

async function failure(promise: Promise<unknown>): Promise<[code: string, message: string]> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof FtctlError)) throw error;
  return [error.code, error.message];
}

/** A failed fetch leaves nothing: no package, no temporary folder. */
const expectNothingLeft = async (): Promise<void> => {
  expect(await readdir(join(cacheDir, 'npm'))).toEqual([]);
};

describe('fetchNpmPackage', () => {
  it("gives the folder of the package's files, and tells what it does", async () => {
    const messages: string[] = [];
    const folder = await fetchSmall({ onProgress: (message) => messages.push(message) });
    const hash8 = createHash('sha512').update(tarball).digest('hex').slice(0, 8);
    expect(folder).toBe(join(cacheDir, 'npm', `@scope+small@1.2.3-${hash8}`));
    expect(await readFile(join(folder, 'img', 'a.txt'), 'utf8')).toBe('hello');
    expect((await readdir(folder)).sort()).toEqual(['img', 'package.json']);
    expect(await readdir(join(cacheDir, 'npm'))).toHaveLength(1);
    expect(messages).toEqual([
      'fetching @scope/small@1.2.3 with npm',
      'checking @scope/small@1.2.3',
      'unpacking @scope/small@1.2.3',
    ]);
  });

  it('asks npm once, and never again', async () => {
    const folder = await fetchSmall();
    const never: RunNpm = () => Promise.reject(new Error('npm was run'));
    expect(await fetchSmall({ run: never })).toBe(folder);
  });

  it('gives everyone the same whole folder when many ask at once', async () => {
    const folders = await Promise.all(Array.from({ length: 8 }, () => fetchSmall()));
    expect(new Set(folders).size).toBe(1);
    expect(await readFile(join(folders[0]!, 'img', 'a.txt'), 'utf8')).toBe('hello');
    expect(await readdir(join(cacheDir, 'npm'))).toHaveLength(1);
  });

  it('runs the npm that is on the PATH', async () => {
    const bin = join(cacheDir, 'bin');
    await mkdir(bin);
    // Stands in for npm, so that no network is used: copies the tarball to the folder after --pack-destination.
    const script = `#!/bin/sh\necho 'npm warn noise' >&2\nwhile [ "$1" != --pack-destination ]; do shift; done\ncp '${join(fixtures, 'scope-small-1.2.3.tgz')}' "$2"\necho "$@" > '${join(cacheDir, 'args')}'\n`;
    await writeFile(join(bin, 'npm'), script, { mode: 0o755 });
    const { PATH } = process.env;
    process.env['PATH'] = `${bin}:${PATH ?? ''}`;
    try {
      const { name, version } = { name: '@scope/small', version: '1.2.3' };
      const folder = await fetchNpmPackage({
        name,
        version,
        integrity: integrityOf(tarball),
        cacheDir,
      });
      expect(await readdir(folder)).toContain('img');
      expect(await readFile(join(cacheDir, 'args'), 'utf8')).toMatch(
        / -- @scope\/small@1\.2\.3\n$/,
      );
      process.env['PATH'] = join(cacheDir, 'nowhere');
      expect(
        await failure(
          fetchNpmPackage({ name: 'other', version, integrity: integrityOf(tarball), cacheDir }),
        ),
      ).toEqual([
        'FT_DATA_FETCH',
        'npm could not be started to fetch other@1.2.3. There is no `npm` on the PATH.',
      ]);
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  it('unpacks nothing of a tarball that is not the pinned one, and names both hashes', async () => {
    const other = Buffer.concat([tarball, Buffer.from([0])]);
    expect(await failure(fetchSmall({ run: delivers(other) }))).toEqual([
      'FT_DATA_INTEGRITY',
      `@scope/small@1.2.3 as fetched has integrity ${integrityOf(other)}. The configuration pins ${integrityOf(tarball)}.`,
    ]);
    await expectNothingLeft();
  });

  it.each([
    [
      {
        stdout:
          '{"error":{"code":"ETARGET","summary":"No matching version found for small@9.9.9."}}',
      },
      'No matching version found for small@9.9.9. The registry that npm is configured for has no such package or version.',
    ],
    [
      {
        stdout:
          '{"error":{"code":"ECONNREFUSED","summary":"FetchError: connect ECONNREFUSED\\n at x"}}',
      },
      'FetchError: connect ECONNREFUSED.',
    ],
    [
      {
        stderr:
          'npm warn x\nnpm error code ENOTFOUND\nnpm error syscall getaddrinfo\nnpm error network request to r failed\n',
      },
      'network request to r failed.',
    ],
    [{ exitCode: 7 }, 'exit code 7.'],
  ])("passes npm's own reason on: %j", async (result, reason) => {
    expect(await failure(fetchSmall({ run: fails(result) }))).toEqual([
      'FT_DATA_FETCH',
      `npm could not fetch @scope/small@1.2.3: ${reason}`,
    ]);
    await expectNothingLeft();
  });

  it('says that the disk is full when npm does', async () => {
    const full = fails({
      stdout: '{"error":{"code":"ENOSPC","summary":"no space left on device"}}',
    });
    expect((await failure(fetchSmall({ run: full })))[0]).toBe('FT_DISK_FULL');
  });

  it('reports an npm that ends well and writes nothing', async () => {
    expect(await failure(fetchSmall({ run: fails({ exitCode: 0 }) }))).toEqual([
      'FT_DATA_FETCH',
      'npm reported success and wrote 0 archives for @scope/small@1.2.3. One was expected.',
    ]);
  });

  it("rejects with the signal's reason and leaves nothing when it is aborted", async () => {
    const controller = new AbortController();
    const hangs: RunNpm = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reject(new DOMException('stopped', 'AbortError'));
        });
        controller.abort(new Error('enough'));
      });
    await expect(fetchSmall({ run: hangs, signal: controller.signal })).rejects.toThrow('enough');
    await expectNothingLeft();
  });

  it('refuses what is no exact version or no hash before anything is run', async () => {
    const never: RunNpm = () => Promise.reject(new Error('npm was run'));
    for (const options of [{ version: 'latest' }, { name: '--registry=x' }, { name: '../x' }]) {
      expect((await failure(fetchSmall({ ...options, run: never })))[0]).toBe('FT_DATA_SOURCE');
    }
    expect(await failure(fetchSmall({ integrity: 'sha1-abc', run: never }))).toEqual([
      'FT_DATA_INTEGRITY',
      'The integrity of @scope/small@1.2.3 is "sha1-abc". It must be `sha512-` and 88 base64 characters.',
    ]);
  });

  it('removes what a killed process left a day ago, and only that', async () => {
    const [old, young] = [
      join(cacheDir, 'npm', '.fetch-old'),
      join(cacheDir, 'npm', '.fetch-young'),
    ];
    await mkdir(old, { recursive: true });
    await mkdir(young);
    const longAgo = new Date(Date.now() - 25 * 3600 * 1000);
    await utimes(old, longAgo, longAgo);
    await fetchSmall();
    expect(await readdir(join(cacheDir, 'npm'))).toEqual([
      '.fetch-young',
      expect.stringContaining('@scope+small'),
    ]);
  });
});

describe('npm as it runs', () => {
  /** An npm that writes its pid, and its child's, to a file and hangs, as on a slow network. */
  async function hangingNpm(): Promise<{ PATH: string; pids: () => Promise<number[]> }> {
    const bin = join(cacheDir, 'bin');
    const file = join(cacheDir, 'pids');
    await mkdir(bin);
    const script = `#!/bin/sh\nsleep 100 &\necho $$ $! > '${file}.new'\nmv '${file}.new' '${file}'\nwait\n`;
    await writeFile(join(bin, 'npm'), script, { mode: 0o755 });
    return {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      pids: async () => (await readFile(file, 'utf8')).split(' ').map(Number),
    };
  }

  const areGone = (pids: readonly number[]): boolean => pids.every((pid) => !isRunning(pid));

  it('is killed, with what it started, when the process that fetches is killed', async () => {
    const npm = await hangingNpm();
    const module = new URL('../../../dist/util/npm-command.js', import.meta.url).href;
    const program = `import { runNpm } from '${module}'; await runNpm(['pack']);`;
    const fetcher = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, PATH: npm.PATH },
      stdio: 'ignore',
    });
    const pids = await vi.waitFor(npm.pids, { timeout: 10_000 });
    expect(pids.every(isRunning)).toBe(true);
    fetcher.kill('SIGKILL');
    await vi.waitFor(() => {
      expect(areGone(pids)).toBe(true);
    }, 5_000);
  });

  it('is killed when it is aborted, and gone when that is told', async () => {
    const npm = await hangingNpm();
    vi.stubEnv('PATH', npm.PATH);
    const controller = new AbortController();
    const fetching = fetchNpmPackage({
      name: 'small',
      version: '1.2.3',
      integrity: integrityOf(tarball),
      cacheDir,
      signal: controller.signal,
    });
    const settled = expect(fetching).rejects.toThrow('enough');
    const pids = await vi.waitFor(npm.pids, { timeout: 10_000 });
    vi.unstubAllEnvs();
    controller.abort(new Error('enough'));
    await settled;
    expect(isRunning(pids[0]!)).toBe(false);
    await vi.waitFor(() => {
      expect(areGone(pids)).toBe(true);
    }, 5_000);
    expect(await readdir(join(cacheDir, 'npm'))).toEqual([]);
  });

  it('gives its exit code and what it says', async () => {
    const bin = join(cacheDir, 'bin');
    await mkdir(bin);
    const script = '#!/bin/sh\necho "$@"\necho bad >&2\nexit 7\n';
    await writeFile(join(bin, 'npm'), script, { mode: 0o755 });
    vi.stubEnv('PATH', `${bin}:${process.env['PATH'] ?? ''}`);
    const result = await runNpm(['pack', 'a b']);
    vi.unstubAllEnvs();
    expect(result).toEqual({ exitCode: 7, stdout: 'pack a b\n', stderr: 'bad\n' });
  });
});

describe('the folder of a fetch', () => {
  it('goes at the next fetch when its process was killed, and stays while it lives', async () => {
    const packages = join(cacheDir, 'npm');
    const [dead, living] = ['.fetch-dead', '.fetch-living'];
    for (const name of [dead, living]) await mkdir(join(packages, name), { recursive: true });
    await writeLock(join(packages, dead), { ...thisProcess(), pid: await deadPid() });
    await writeLock(join(packages, living), thisProcess());
    await fetchSmall();
    expect(await readdir(packages)).toEqual([living, expect.stringContaining('@scope+small')]);
  });
});

describe('an archive', () => {
  /** A tarball of `fill`'s folder, as it is: with what npm would never pack. */
  async function archive(
    fill: (folder: string) => Promise<void>,
    options: { preservePaths?: boolean; onWriteEntry?: (entry: { path: string }) => void } = {},
  ): Promise<Buffer> {
    const folder = await mkdtemp(join(fixtures, 'archive-'));
    await mkdir(join(folder, 'package'));
    await fill(join(folder, 'package'));
    const file = join(folder, 'a.tgz');
    await create({ file, cwd: folder, gzip: true, ...options }, ['package']);
    return readFile(file);
  }

  const unpack = (
    bytes: Buffer,
    limits?: { maxEntries: number; maxBytes: number },
  ): Promise<string> =>
    fetchSmall({
      run: delivers(bytes),
      integrity: integrityOf(bytes),
      ...(limits === undefined ? {} : { limits }),
    });

  it('with a link is refused', async () => {
    const bytes = await archive(async (folder) => {
      await writeFile(join(folder, 'a'), 'a');
      await symlink('/etc/passwd', join(folder, 'link'));
    });
    const [code, message] = await failure(unpack(bytes));
    expect(code).toBe('FT_DATA_ARCHIVE');
    expect(message).toMatch(
      /cannot be unpacked: package\/link is a SymbolicLink, not a plain file\.$/,
    );
    await expectNothingLeft();
  });

  it.each(['package/../../../escaped', '/escaped'])('that leads to %s is refused', async (path) => {
    const bytes = await archive((folder) => writeFile(join(folder, 'evil'), 'x'), {
      preservePaths: true,
      onWriteEntry: (entry) => {
        if (entry.path === 'package/evil') entry.path = path;
      },
    });
    expect((await failure(unpack(bytes)))[0]).toBe('FT_DATA_ARCHIVE');
    expect(await readdir(cacheDir)).toEqual(['npm']);
    await expectNothingLeft();
  });

  it('with too many files or too many bytes is refused', async () => {
    const bytes = await archive(async (folder) => {
      for (const name of ['a', 'b', 'c']) await writeFile(join(folder, name), 'x'.repeat(1000));
    });
    expect((await failure(unpack(bytes, { maxEntries: 2, maxBytes: 1e6 })))[1]).toMatch(
      /: over 2 files and folders\.$/,
    );
    expect((await failure(unpack(bytes, { maxEntries: 9, maxBytes: 2500 })))[1]).toMatch(
      /: over 2500 bytes unpacked\.$/,
    );
    expect(await readdir(await unpack(bytes, { maxEntries: 4, maxBytes: 3000 }))).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('that is damaged or empty is refused', async () => {
    expect((await failure(unpack(Buffer.from('no archive'))))[0]).toBe('FT_DATA_ARCHIVE');
    expect((await failure(unpack(tarball.subarray(0, tarball.length - 20))))[0]).toBe(
      'FT_DATA_ARCHIVE',
    );
    await expectNothingLeft();
  });
});

describe('parseNpmReference', () => {
  it('reads names, scopes, versions and what follows #', () => {
    expect(parseNpmReference('npm:nsfwjs@4.4.0#mobilenet_v2_mid')).toEqual({
      name: 'nsfwjs',
      version: '4.4.0',
      fragment: 'mobilenet_v2_mid',
    });
    expect(parseNpmReference('npm:@a/b.c@1.0.0-rc.1')).toEqual({
      name: '@a/b.c',
      version: '1.0.0-rc.1',
      fragment: null,
    });
  });

  it.each([
    'nsfwjs@4.4.0',
    'npm:nsfwjs',
    'npm:nsfwjs@^4',
    'npm:-x@1.0.0',
    'npm:a/b@1.0.0',
    'npm:a@1.0.0 x',
  ])('takes %j for none', (text) => {
    expect(parseNpmReference(text)).toBeNull();
  });
});
