import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadConfig, type LoadedConfig, type LoadOptions } from '../../../src/config/load.js';
import type { ConfigEnvironment } from '../../../src/config/paths.js';
import { FtctlError } from '../../../src/errors/index.js';

/** A process environment that has nothing of the machine's. */
export const environment: ConfigEnvironment = { env: {}, cwd: '/work-dir', home: '/home/ada' };

/** The shortest valid document. */
export const minimal = `apiVersion: ftctl/v1
kind: TrainingRun
data:
  source: ./flowers
  imageSize: 64
model:
  architecture: resnet18
  weights: random
phases:
  - epochs: 3
`;

/** Loads a text as a file called run.yaml in a new folder, which is where its relative paths start. */
export async function load(
  text: string,
  sets: readonly string[] = [],
  overrides: Partial<ConfigEnvironment> = {},
  options: Pick<LoadOptions, 'checkModel'> = {},
): Promise<LoadedConfig & { dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'ftctl-config-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const path = join(dir, 'run.yaml');
  await writeFile(path, text);
  const loaded = await loadConfig({
    path,
    sets,
    environment: { ...environment, ...overrides },
    ...options,
  });
  return { ...loaded, dir };
}

/** The error of a text that must not load, with the folder's name taken out of its message. */
export async function failure(
  text: string,
  sets: readonly string[] = [],
  options: Pick<LoadOptions, 'checkModel'> = {},
): Promise<{ code: string; message: string; remedy: string; error: FtctlError }> {
  try {
    await load(text, sets, {}, options);
  } catch (error) {
    if (!(error instanceof FtctlError)) throw error;
    const message = error.message.replaceAll(/\S*\/run\.yaml/g, 'run.yaml');
    return { code: error.code, message, remedy: error.remedy, error };
  }
  throw new Error('The document loaded.');
}
