import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import type { RunEventBody } from '../../../src/control/events.js';
import { prepareRun } from '../../../src/coordinator/prepare-run.js';
import { systemClock } from '../../../src/util/clock.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-prepare-run-'));
});
afterEach(() => rm(dir, { recursive: true }));

it('refuses a cache folder that cannot be used before it looks at the data, and says nothing else', async () => {
  await mkdir(join(dir, 'images'));
  await writeFile(join(dir, 'cache'), 'a file');
  await writeFile(
    join(dir, 'config.yaml'),
    JSON.stringify({
      apiVersion: 'ftctl/v1',
      kind: 'TrainingRun',
      data: { source: 'images', imageSize: 32 },
      model: { architecture: 'resnet18', weights: 'random' },
      phases: [{ train: 'head', epochs: 1 }],
      cache: { path: 'cache' },
    }),
  );
  const { spec } = await loadConfig({ path: join(dir, 'config.yaml') });
  const events: RunEventBody[] = [];
  const prepared = prepareRun('run', spec, {
    emit: (event) => events.push(event),
    clock: systemClock,
    signal: new AbortController().signal,
    runsDir: dir,
    eventsPath: 'events.jsonl',
  });
  await expect(prepared).rejects.toMatchObject({ code: 'FT_NOT_WRITABLE' });
  await expect(prepared).rejects.toThrow(
    `The cache folder ${join(dir, 'cache')} cannot be written. Cannot write `,
  );
  expect(events).toEqual([]);
});

it('warns of what the configuration says in vain', async () => {
  await writeFile(
    join(dir, 'config.yaml'),
    JSON.stringify({
      ...{ apiVersion: 'ftctl/v1', kind: 'TrainingRun' },
      data: { source: 'nowhere', imageSize: 32 },
      model: { architecture: 'resnet18', weights: 'random' },
      phases: [{ train: 'all', except: '*', epochs: 1, earlyStopping: { patience: 3 } }],
      cache: { path: 'cache' },
    }),
  );
  const { spec } = await loadConfig({ path: join(dir, 'config.yaml') });
  const events: RunEventBody[] = [];
  await prepareRun('run', spec, {
    emit: (event) => events.push(event),
    clock: systemClock,
    signal: new AbortController().signal,
    ...{ runsDir: dir, eventsPath: 'events.jsonl' },
  }).catch(() => undefined);
  const messages = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  expect(messages).toEqual([
    'phases.0.earlyStopping.patience is 3, and phases.0 has 1 epoch: it cannot stop early.',
    expect.stringMatching(/^phases\.0\.except takes away all/) as string,
  ]);
});
