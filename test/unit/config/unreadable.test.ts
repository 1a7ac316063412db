import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import type { FtctlError } from '../../../src/errors/index.js';
import { environment } from './support.js';

describe('a configuration file', () => {
  it('that is not there, is a folder, or is far too large, is refused with the reason', async () => {
    const messageOf = (path: string): Promise<string> =>
      loadConfig({ path, environment }).then(
        () => 'loaded',
        (error: unknown) => `${(error as FtctlError).code} ${(error as FtctlError).message}`,
      );
    const dir = await mkdtemp(join(tmpdir(), 'ftctl-config-'));
    try {
      expect(await messageOf(join(dir, 'no.yaml'))).toBe(
        `FT_CONFIG_NOT_FOUND The configuration file ${dir}/no.yaml cannot be read: it does not exist.`,
      );
      expect(await messageOf(dir)).toBe(
        `FT_CONFIG_NOT_FOUND The configuration file ${dir} cannot be read: it is a folder.`,
      );
      const large = join(dir, 'large.yaml');
      await writeFile(large, 'x'.repeat((1 << 20) + 1));
      expect(await messageOf(large)).toBe(
        `FT_CONFIG_SYNTAX ${large}: the file has 1048577 bytes. A configuration has at most 1048576 bytes.`,
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
