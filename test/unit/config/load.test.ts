import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../../../src/config/load.js';
import { defaultShards } from '../../../src/config/shards.js';
import { checkModelSpec } from '../../../src/models/check-spec.js';
import { phaseDocument } from './phase-documents.js';
import { environment, load, minimal } from './support.js';
import { noAugment } from '../../support/data/data-spec.js';

describe('loadConfig', () => {
  it('fills in every default', async () => {
    const { spec, dir } = await load(minimal);
    expect(spec).toEqual({
      name: 'run',
      seed: 0,
      data: {
        source: join(dir, 'flowers'),
        integrity: null,
        sha256: null,
        within: null,
        rules: null,
        classNames: null,
        split: { train: 0.8, val: 0.2, test: 0, groupBy: null },
        onBadFile: 'fail',
        imageSize: 64,
        views: 1,
        valTransform: { resize: null },
        background: [0, 0, 0],
        augment: noAugment,
        normalise: null,
      },
      model: { architecture: 'resnet18', width: 1, weights: 'random', integrity: null },
      phases: [
        {
          train: ['head'],
          except: [],
          epochs: 3,
          from: 'last',
          optimizer: {
            type: 'adam',
            learningRate: 0.001,
            weightDecay: 0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            groups: [],
          },
          schedule: { type: 'constant', warmup: null },
          clip: { norm: null, value: null },
          labelSmoothing: 0,
          classWeights: 'none',
          sampling: 'once',
          mixup: 0,
          accumulate: 1,
          earlyStopping: null,
          batchNorm: 'frozen',
        },
      ],
      batch: { size: 32, shards: 8 },
      workers: { count: 1 },
      best: { metric: 'accuracy' },
      engine: { provider: 'cpu', threads: null },
      cache: { path: '/home/ada/.cache/ftctl', features: null, images: true },
      toleranceMs: 10_000,
      checkpoint: { everyEpochs: 1 },
      metrics: { enabled: true, host: '127.0.0.1', port: 0 },
      security: { host: '127.0.0.1', port: 0 },
      training: { limitBatches: null, overfitBatch: false },
    });
  });

  it('freezes the specification to its leaves', async () => {
    const { spec } = await load(minimal);
    const unfrozen: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) unfrozen.push(path);
      for (const [key, child] of Object.entries(value)) visit(child, `${path}.${key}`);
    };
    visit(spec, 'spec');
    expect(unfrozen).toEqual([]);
  });

  it('takes one view without augmentation and fresh ones with it', async () => {
    expect((await load(minimal, ['data.augment.rotate=0'])).spec.data.views).toBe(1);
    expect((await load(minimal, ['data.augment.rotate=5'])).spec.data.views).toBeNull();
    expect((await load(minimal, ['data.augment.crop=[0.5, 1]'])).spec.data.views).toBeNull();
    expect((await load(minimal, ['data.views=fresh'])).spec.data.views).toBeNull();
    expect((await load(minimal, ['data.views=4'])).spec.data.views).toBe(4);
  });

  it('resolves paths of the file against its folder, those of --set against the working directory, and ~', async () => {
    const text = minimal.replace('./flowers', '../data\n  classNames: ~/names.json');
    const { spec, dir } = await load(text, ['model.weights=w/r18.safetensors']);
    expect(spec.data.source).toBe(join(dir, '..', 'data'));
    expect(spec.data.classNames).toBe('/home/ada/names.json');
    expect(spec.model).toMatchObject({ weights: '/work-dir/w/r18.safetensors' });
    const whole = await load(minimal, ['data={source: x, imageSize: 32}']);
    expect(whole.spec.data.source).toBe('/work-dir/x');
  });

  it('finds the cache folder in the environment', async () => {
    const cachePath = async (env: Record<string, string>): Promise<string> =>
      (await load(minimal, [], { env })).spec.cache.path;
    const xdg = { XDG_CACHE_HOME: '/xdg' };
    expect(await cachePath({ ...xdg, FTCTL_CACHE: 'here' })).toBe('/work-dir/here');
    expect(await cachePath(xdg)).toBe('/xdg/ftctl');
    expect(await cachePath({ FTCTL_CACHE: '', XDG_CACHE_HOME: '' })).toBe('/home/ada/.cache/ftctl');
    const { spec } = await load(`${minimal}cache: { path: c }\n`, [], { env: xdg });
    expect(spec.cache.path).toMatch(/\/ftctl-config-\w+\/c$/);
  });

  it('names a run after its file, in characters that a folder name may have', async () => {
    const { spec } = await load(minimal, ['name=flowers-2']);
    expect(spec.name).toBe('flowers-2');
    expect((await load(minimal)).spec.name).toBe('run');
  });

  it('applies --set in order', async () => {
    const { spec } = await load(minimal, [
      'batch.size=64',
      'batch={size: 12}',
      'phases.0.optimizer.betas=[0.8, 0.9]',
      'phases.0.epochs=5',
      'phases.0.epochs=7',
    ]);
    expect(spec.batch).toEqual({ size: 12, shards: 3 });
    expect(spec.phases[0]).toMatchObject({ epochs: 7, optimizer: { beta1: 0.8, beta2: 0.9 } });
  });

  it('leaves behind what describes a source or weights that --set replaces', async () => {
    const hash = `sha512-${'A'.repeat(86)}==`;
    const text = minimal
      .replace('./flowers', `npm:flowers@1.0.0\n  integrity: ${hash}\n  rules: r.yaml`)
      .replace('random', `npm:net@2.0.0#mid\n  integrity: ${hash}`);
    const { spec } = await load(text, ['data.source=photos', 'model.weights=random']);
    expect(spec.data).toMatchObject({
      source: '/work-dir/photos',
      integrity: null,
      rules: null,
    });
    expect(spec.model).toMatchObject({ weights: 'random', integrity: null });
    // The same value replaces nothing, and what is set itself stays, wherever it stands.
    const same = await load(text, ['data.source=npm:flowers@1.0.0', 'data.rules=other.yaml']);
    expect(same.spec.data).toMatchObject({ integrity: hash, rules: '/work-dir/other.yaml' });
    const back = await load(text, ['data.source=photos', 'data.source=npm:flowers@1.0.0']);
    expect(back.spec.data).toMatchObject({ integrity: hash });
    const other = `sha512-${'B'.repeat(86)}==`;
    const next = ['data.integrity=' + other, 'data.rules=r.yaml', 'data.source=npm:trees@1.0.0'];
    expect((await load(text, next)).spec.data).toMatchObject({
      source: 'npm:trees@1.0.0',
      integrity: other,
      rules: '/work-dir/r.yaml',
    });
  });

  it('does not let a --set through an alias change the other place', async () => {
    const text = minimal.replace(
      '  - epochs: 3\n',
      '  - &p { epochs: 3, optimizer: { learningRate: 0.5 } }\n  - *p\n',
    );
    const { spec } = await load(text, ['phases.1.optimizer.learningRate=0.25']);
    expect(spec.phases.map(({ optimizer }) => optimizer.learningRate)).toEqual([0.5, 0.25]);
  });

  it('loads every packaged configuration, the quick start without being told', async () => {
    const folder = fileURLToPath(new URL('../../../configs/', import.meta.url));
    const names = await readdir(folder);
    const runs = names.filter((name) => name.endsWith('.yaml') && !name.startsWith('emoji-'));
    expect(runs.sort()).toEqual([
      'flowers102-resnet18.yaml',
      'quickstart.yaml',
      'smoke.yaml',
      'two-phase.yaml',
    ]);
    for (const name of runs) {
      const path = join(folder, name);
      const { spec } = await loadConfig({ path, environment, checkModel: checkModelSpec });
      expect(spec.name).toBe(name.replace('.yaml', ''));
    }
    const { spec } = await loadConfig({ environment });
    expect(spec.name).toBe('quickstart');
    expect(spec.data.rules).toBe(join(folder, 'emoji-16-classes.yaml'));
  });
});

describe('the effective document', () => {
  const fraction = fc.integer({ min: 0, max: 100 }).map((n) => n / 100);
  const pair = (low: number): fc.Arbitrary<[number, number]> =>
    fc
      .tuple(
        fc.double({ min: low, max: 1, noNaN: true }),
        fc.double({ min: low, max: 1, noNaN: true }),
      )
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
  const optional = { requiredKeys: [] };
  /** File names that YAML would read as something else without quotes are the point. */
  const path = fc.oneof(
    fc.constantFrom('null', '1e3', 'a: b', '# x', "it's", 'yes', '- x', 'data', '[x', 'caf\u00e9'),
    fc.stringMatching(/^[a-z0-9 _:#'"-]{1,12}$/).filter((text) => text.trim() !== ''),
  );
  const document = fc.record(
    {
      apiVersion: fc.constant('ftctl/v1'),
      kind: fc.constant('TrainingRun'),
      name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/),
      seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      data: fc.record(
        {
          source: path.map((name) => `./${name}`),
          classNames: fc.option(path.map((name) => `./${name}`)),
          imageSize: fc.integer({ min: 8, max: 2048 }),
          onBadFile: fc.constantFrom('fail', 'skip'),
          views: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant('fresh')),
          split: fc
            .tuple(fc.integer({ min: 1, max: 98 }), fc.integer({ min: 1, max: 98 }))
            .filter(([train, val]) => train + val <= 100)
            .map(([train, val]) => ({
              train: train / 100,
              val: val / 100,
              test: (100 - train - val) / 100,
            })),
          augment: fc.record(
            {
              rotate: fraction,
              scale: pair(0.5),
              saturation: fraction,
              hue: fc.constantFrom(0, 0.25, 0.5),
              randomResizedCrop: fc.option(
                fc.record({ area: pair(0.01), ratio: fc.constant([0.5, 2]) }, optional),
              ),
              randomErasing: fc.option(fc.record({ probability: fraction }, optional)),
            },
            optional,
          ),
          valTransform: fc.record({ resize: fc.constantFrom(null, 4096) }, optional),
          normalise: fc.option(
            fc.record({
              mean: fc.constant([0.1, 0.2, 0.3]),
              std: fc.constant([1e-9, 1, 1e21]),
            }),
          ),
        },
        { requiredKeys: ['source', 'imageSize'] },
      ),
      model: fc.constant({ architecture: 'resnet18', weights: './w.safetensors' }),
      phases: fc.array(phaseDocument, { minLength: 1, maxLength: 3 }),
      batch: fc.record({ size: fc.integer({ min: 1, max: 512 }) }, optional),
      engine: fc.record(
        { threads: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.constant('auto')) },
        optional,
      ),
      cache: fc.record({ path, features: fc.oneof(fc.boolean(), fc.constant('auto')) }, optional),
      training: fc.record({ limitBatches: fc.option(fc.integer({ min: 1, max: 9 })) }, optional),
    },
    { requiredKeys: ['apiVersion', 'kind', 'data', 'model', 'phases'] },
  );

  it('loads again to the same specification and the same text, from any other place', async () => {
    await fc.assert(
      fc.asyncProperty(document, async (value) => {
        const first = await load(stringify(value));
        const again = await load(first.yaml, [], {
          cwd: '/elsewhere',
          home: '/home/bob',
          env: { FTCTL_CACHE: '/other' },
        });
        expect(again.spec).toEqual(first.spec);
        // Also in the order of the keys, of which the run's identity is a hash.
        expect(JSON.stringify(again.spec)).toBe(JSON.stringify(first.spec));
        expect(again.yaml).toBe(first.yaml);
      }),
      { numRuns: 60 },
    );
  });

  it('has every key of the schema that is not a group', async () => {
    const { yaml } = await load(minimal, [
      `phases=[${[
        '{epochs: 3, optimizer: {groups: [{match: fc, learningRate: 1}]}}',
        '{epochs: 3, optimizer: {type: sgd}, earlyStopping: {patience: 1}}',
        '{epochs: 3, schedule: {type: step, stepSize: 1, warmup: {epochs: 1}}}',
        '{epochs: 3, schedule: {type: multistep, milestones: [1]}}',
        '{epochs: 3, schedule: {type: cosine}}',
        '{epochs: 3, schedule: {type: plateau}}',
      ].join(', ')}]`,
      'data.normalise={mean: [0, 0, 0], std: [1, 1, 1]}',
      'data.augment.randomResizedCrop={}',
      'data.augment.randomErasing={}',
    ]);
    const keys = (value: unknown, path: string): string[] => {
      if (Array.isArray(value) && typeof value[0] === 'object') {
        return value.flatMap((entry) => keys(entry, `${path}[]`));
      }
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
      return Object.entries(value).flatMap(([key, child]) =>
        keys(child, path === '' ? key : `${path}.${key}`),
      );
    };
    const groupsOrNull = new Set([
      'data.normalise',
      'data.augment.randomResizedCrop',
      'data.augment.randomErasing',
      'phases[].optimizer.groups',
      'phases[].schedule.warmup',
      'phases[].earlyStopping',
    ]);
    const { describeKeys } = await import('../../../src/config/reference.js');
    const expected = describeKeys().map(({ key }) => key);
    const written = new Set(keys(parse(yaml), '').filter((key) => !groupsOrNull.has(key)));
    expect([...written].sort()).toEqual(expected.filter((key) => !groupsOrNull.has(key)).sort());
  });
});

describe('the default number of shards', () => {
  it('is the largest divisor of the batch size not over min(16, size / 4), at least 1', () => {
    const table: [number, number][] = [
      [1, 1],
      [4, 1],
      [7, 1],
      [8, 2],
      [12, 3],
      [20, 5],
      [30, 6],
      [31, 1],
      [32, 8],
      [64, 16],
      [100, 10],
      [256, 16],
    ];
    expect(table.map(([size]) => [size, defaultShards(size)])).toEqual(table);
  });

  it('divides every batch size and leaves at least 4 rows a shard from 4 on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), (size) => {
        const shards = defaultShards(size);
        expect(size % shards).toBe(0);
        expect(shards).toBeLessThanOrEqual(Math.max(1, Math.min(16, size / 4)));
        for (let more = shards + 1; more <= Math.min(16, size / 4); more += 1) {
          expect(size % more).not.toBe(0);
        }
      }),
    );
  });
});
