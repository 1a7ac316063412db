import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeImageFolder } from './image-folder.js';

/** A folder of a test's own, with images, a small configuration, a cache and a place for runs. */
export interface World {
  readonly dir: string;
  readonly images: string;
  readonly config: string;
  readonly runsDir: string;
  /** Environment that keeps ftctl in this world. */
  readonly env: NodeJS.ProcessEnv;
  /** Arguments of `launch` in this world. */
  readonly args: readonly string[];
  remove(): Promise<void>;
}

/** 3 classes of 19 images: neither the 57 images nor any split of them are a multiple of the batch. */
export async function makeWorld(
  options: { numClasses?: number; perClass?: number; config?: Record<string, unknown> } = {},
): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'ftctl-test-'));
  const images = join(dir, 'images');
  await makeImageFolder(images, {
    numClasses: options.numClasses ?? 3,
    perClass: options.perClass ?? 19,
  });
  const config = join(dir, 'config.yaml');
  await writeFile(config, JSON.stringify({ ...baseConfig(images), ...options.config }));
  const runsDir = join(dir, 'runs');
  const env = { FTCTL_CACHE: join(dir, 'cache') };
  return {
    ...{ dir, images, config, runsDir, env },
    args: ['--config', config, '--runs-dir', runsDir],
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

function baseConfig(images: string): Record<string, unknown> {
  return {
    apiVersion: 'ftctl/v1',
    kind: 'TrainingRun',
    name: 'test',
    seed: 11,
    data: {
      source: images,
      imageSize: 32,
      views: 2,
      split: { train: 0.7, val: 0.2, test: 0.1 },
      augment: { rotate: 20, flipHorizontal: 0.5, scale: [0.9, 1.1], translate: 0.1 },
    },
    model: { architecture: 'resnet18', weights: 'random' },
    phases: [
      {
        train: 'head',
        epochs: 3,
        optimizer: { type: 'adam', learningRate: 0.01 },
        schedule: { type: 'step', stepSize: 2, gamma: 0.1 },
      },
    ],
    batch: { size: 16, shards: 8 },
    workers: { count: 2 },
  };
}
