import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { FtctlError } from '../../../src/errors/index.js';
import { checkModelSpec } from '../../../src/models/check-spec.js';
import { environment, failure, load, minimal } from './support.js';

const npm = 'npm:flowers@1.0.0';

/** Each: what is wrong, the document, the arguments, and the error's code, message and remedy. */
const cases: [
  name: string,
  text: string,
  sets: string[],
  code: string,
  message: string,
  remedy: string,
][] = [
  [
    'a misspelt key',
    minimal.replace('imageSize', 'imagSize'),
    [],
    'FT_CONFIG_UNKNOWN_KEY',
    'run.yaml:5:3: data.imagSize is not a configuration key.',
    'Did you mean data.imageSize?',
  ],
  [
    'a missing key',
    minimal.replace('  imageSize: 64\n', ''),
    [],
    'FT_CONFIG_MISSING_KEY',
    'run.yaml:3:1: data.imageSize is missing. It has no default.',
    "Add data.imageSize (a whole number from 8 to 2048). Pixels: the side of the network's square input.",
  ],
  [
    'a misspelt optional key',
    `${minimal}worker: { count: 2 }\n`,
    [],
    'FT_CONFIG_UNKNOWN_KEY',
    'run.yaml:11:1: worker is not a configuration key.',
    'Did you mean workers?',
  ],
  [
    'a key in the wrong group',
    `${minimal}learningRate: 0.1\n`,
    [],
    'FT_CONFIG_UNKNOWN_KEY',
    'run.yaml:11:1: learningRate is not a configuration key.',
    'Did you mean phases[].optimizer.learningRate?',
  ],
  [
    'a key that is like no other',
    minimal.replace('  - epochs: 3', '  - epochs: 3\n    zzzzzzz: 1'),
    [],
    'FT_CONFIG_UNKNOWN_KEY',
    'run.yaml:11:5: phases.0.zzzzzzz is not a configuration key.',
    'The keys in phases.0 are: train, epochs, from, optimizer, schedule.',
  ],
  [
    'a key that would change an object of the language',
    `${minimal}__proto__: { seed: 7 }\n`,
    [],
    'FT_CONFIG_UNKNOWN_KEY',
    'run.yaml:11:1: __proto__ is not a configuration key.',
    'The keys at the top are: apiVersion, kind, name, seed, data, model, phases, batch, workers, best, engine, cache, checkpoint, metrics, security, training.',
  ],
  [
    'a key of another schedule',
    minimal,
    ['phases.0.schedule={type: constant, gamma: 0.1}'],
    'FT_CONFIG_UNKNOWN_KEY',
    '--set phases.0.schedule={type: constant, gamma: 0.1}: phases.0.schedule.gamma does not apply to phases.0.schedule.type: "constant".',
    'Correct or remove the key; docs/config.md lists all of them.',
  ],
  [
    'a text where a number belongs',
    minimal.replace('64', 'big'),
    [],
    'FT_CONFIG_INVALID_VALUE',
    'run.yaml:5:3: data.imageSize is "big". It must be a whole number from 8 to 2048.',
    'Change the value to one that the message allows.',
  ],
  [
    'an infinite number',
    minimal,
    ['batch.size=.inf'],
    'FT_CONFIG_INVALID_VALUE',
    '--set batch.size=.inf: batch.size is Infinity. It must be a whole number from 1 to 1000000.',
    'Change the value to one that the message allows.',
  ],
  [
    'an empty group',
    `${minimal}cache:\n`,
    [],
    'FT_CONFIG_INVALID_VALUE',
    'run.yaml:11:1: cache is null. It must be a group of keys (path, features, images).',
    'Change the value to one that the message allows.',
  ],
  [
    'a beta of 1',
    minimal,
    ['phases.0.optimizer.betas=[0.9, 1]'],
    'FT_CONFIG_INVALID_VALUE',
    '--set phases.0.optimizer.betas=[0.9, 1]: phases.0.optimizer.betas.1 is 1. It must be a number of at least 0 and below 1.',
    'Change the value to one that the message allows.',
  ],
  [
    'an epsilon of 0',
    minimal,
    ['phases.0.optimizer.epsilon=0'],
    'FT_CONFIG_INVALID_VALUE',
    '--set phases.0.optimizer.epsilon=0: phases.0.optimizer.epsilon is 0. It must be a number above 0 and at most 1.',
    'Change the value to one that the message allows.',
  ],
  [
    'a list of the wrong length',
    minimal,
    ['data.background=[255, 255]'],
    'FT_CONFIG_INVALID_VALUE',
    '--set data.background=[255, 255]: data.background is [255,255]. It must be a list of 3 whole numbers from 0 to 255.',
    'Change the value to one that the message allows.',
  ],
  [
    'a range upside down',
    minimal,
    ['data.augment.scale=[1.2, 0.8]'],
    'FT_CONFIG_INVALID_VALUE',
    '--set data.augment.scale=[1.2, 0.8]: data.augment.scale is [1.2,0.8]. The first number must not be above the second.',
    'Change the value to one that the message allows.',
  ],
  [
    'a misspelt word',
    minimal,
    ['best.metric=acuracy'],
    'FT_CONFIG_INVALID_VALUE',
    '--set best.metric=acuracy: best.metric is "acuracy". It must be `accuracy` or `loss`.',
    'Did you mean accuracy?',
  ],
  [
    'a name that cannot be a folder name',
    minimal,
    ['name=../x'],
    'FT_CONFIG_INVALID_VALUE',
    '--set name=../x: name is "../x". It must be 1 to 63 letters, digits, dots, dashes and underscores, the first a letter or digit.',
    'Change the value to one that the message allows.',
  ],
  [
    'no phases',
    minimal,
    ['phases=[]'],
    'FT_CONFIG_INVALID_VALUE',
    '--set phases=[]: phases is []. It must be a list of at least one entry.',
    'Change the value to one that the message allows.',
  ],
  [
    'training more than the head',
    minimal,
    ['phases.0.train=all'],
    'FT_CONFIG_UNSUPPORTED',
    '--set phases.0.train=all: phases.0.train is "all". This version trains the head alone; the rest of the network stays frozen.',
    'Set phases.0.train to `head`.',
  ],
  [
    'an unknown schedule',
    minimal,
    ['phases.0.schedule.type=cosine'],
    'FT_CONFIG_UNSUPPORTED',
    '--set phases.0.schedule.type=cosine: phases.0.schedule.type is "cosine". This version has constant and step schedules.',
    'Set phases.0.schedule.type to `constant` or `step`.',
  ],
  [
    'another version of the format',
    minimal.replace('ftctl/v1', 'ftctl/v2'),
    [],
    'FT_CONFIG_UNSUPPORTED',
    'run.yaml:1:1: apiVersion is "ftctl/v2". This version of ftctl reads `ftctl/v1`.',
    'Set apiVersion to `ftctl/v1`.',
  ],
  [
    'weights in another format',
    minimal,
    ['model.weights=r18.pth'],
    'FT_CONFIG_UNSUPPORTED',
    '--set model.weights=r18.pth: model.weights is r18.pth. This version reads .safetensors files and npm:NAME@VERSION#MODEL, or makes random weights.',
    "Name a .safetensors file; README.md says how to make one of torchvision's weights, or of a .pth file (in Python: safetensors.torch.save_file).",
  ],
  [
    'a URL for data',
    minimal,
    ['data.source=https://example.org/x.zip'],
    'FT_CONFIG_UNSUPPORTED',
    '--set data.source=https://example.org/x.zip: data.source is https://example.org/x.zip. This version reads npm packages, folders, and .csv and .jsonl manifests.',
    'Download the data and name its folder.',
  ],
  [
    'an address that others can reach',
    minimal,
    ['security.host=0.0.0.0'],
    'FT_CONFIG_UNSUPPORTED',
    '--set security.host=0.0.0.0: security.host is 0.0.0.0. This version has no encryption between processes, so it talks over loopback alone.',
    'Use 127.0.0.1, ::1 or localhost.',
  ],
  [
    'an npm package of no exact version',
    minimal,
    ['data.source=npm:flowers'],
    'FT_CONFIG_INVALID_VALUE',
    '--set data.source=npm:flowers: data.source is npm:flowers. An npm package is named with its exact version, as npm:NAME@1.2.3.',
    'Change the value to one that the message allows.',
  ],
  [
    'an npm package without its hash',
    minimal,
    [`data.source=${npm}`, 'data.rules=r.yaml'],
    'FT_CONFIG_MISSING_KEY',
    'run.yaml:3:1: data.integrity is missing. The tarball of npm:flowers@1.0.0 is compared with a pinned sha512 before it is unpacked.',
    'Set it to what `npm view flowers@1.0.0 dist.integrity` prints.',
  ],
  [
    'rules for a folder',
    minimal,
    ['data.rules=r.yaml'],
    'FT_CONFIG_CONFLICT',
    '--set data.rules=r.yaml: data.rules has no use here: data.source is not an npm package.',
    'Remove data.rules.',
  ],
  [
    'fractions that do not sum to 1',
    minimal,
    ['data.split.val=0.3'],
    'FT_CONFIG_CONFLICT',
    'run.yaml:3:1: data.split is train 0.8, val 0.3 and test 0, together 1.1. The fractions must sum to 1.',
    'Change one of the values that the message names.',
  ],
  [
    'nothing to choose the best epoch on',
    minimal,
    ['data.split={train: 1, val: 0}'],
    'FT_CONFIG_CONFLICT',
    '--set data.split={train: 1, val: 0}: data.split is train 1, val 0 and test 0. Training needs images in train, and the best epoch is chosen on val: neither may be 0.',
    'Change one of the values that the message names.',
  ],
  [
    'a first phase from the best epoch',
    minimal,
    ['phases.0.from=best'],
    'FT_CONFIG_CONFLICT',
    '--set phases.0.from=best: phases.0.from is "best". There is no best epoch before the first phase.',
    'Remove the key, or set it to last.',
  ],
  [
    'metrics ports past the last one',
    minimal,
    ['metrics.port=65534', 'workers.count=2'],
    'FT_CONFIG_CONFLICT',
    '--set metrics.port=65534: metrics.port is 65534, so the last of 2 workers would need port 65536. Ports end at 65535.',
    'Change one of the values that the message names.',
  ],
  [
    'a batch that is no multiple of the shards',
    minimal,
    ['batch={size: 30, shards: 8}'],
    'FT_BATCH_NOT_MULTIPLE',
    '--set batch={size: 30, shards: 8}: batch.size is 30 and batch.shards is 8. The batch size must be a multiple of the shards.',
    'Set batch.shards to 6, or batch.size to 32.',
  ],
  [
    'more workers than shards',
    minimal,
    ['workers.count=9'],
    'FT_TOO_MANY_WORKERS',
    '--set workers.count=9: workers.count is 9 and batch.shards is 8. Each worker owns at least one shard of the batch.',
    'Use at most 8 workers, or set batch.shards to 16.',
  ],
  [
    'more workers than the batch has images',
    minimal,
    ['workers.count=33'],
    'FT_TOO_MANY_WORKERS',
    '--set workers.count=33: workers.count is 33 and batch.shards is 8. Each worker owns at least one shard of the batch.',
    'Use at most 8 workers, or a larger batch.size with more batch.shards.',
  ],
  [
    'a --set without a value',
    minimal,
    ['batch.size'],
    'FT_CONFIG_BAD_SET',
    '--set batch.size: this is not of the form path=value.',
    'Write for example `--set batch.size=64` or `--set phases.0.epochs=40`.',
  ],
  [
    'a --set of a block',
    minimal,
    ['name=a: b'],
    'FT_CONFIG_BAD_SET',
    '--set name=a: b: the value is not a YAML value on one line. It reads as a block; a text with a colon and a space needs quotes.',
    'Write a number, a text, or a flow list or group such as `[0.9, 0.999]`.',
  ],
  [
    'a --set of a misspelt path',
    minimal,
    ['data.augment.flipHorizontel=1'],
    'FT_CONFIG_UNKNOWN_KEY',
    '--set data.augment.flipHorizontel=1: data.augment.flipHorizontel is not a configuration key.',
    'Did you mean data.augment.flipHorizontal?',
  ],
  [
    'a --set below a value',
    minimal,
    ['seed.x=1'],
    'FT_CONFIG_UNKNOWN_KEY',
    '--set seed.x=1: seed.x is not a configuration key.',
    'seed has no keys: it is a whole number from 0 to 4294967295.',
  ],
  [
    'a --set of a list entry that does not exist',
    minimal,
    ['phases.1.epochs=4'],
    'FT_CONFIG_UNKNOWN_KEY',
    '--set phases.1.epochs=4: phases.1 does not exist. phases has 1 entry, counted from 0.',
    'Set an entry that exists, or the whole list: `--set phases=[...]`.',
  ],
  [
    'broken YAML',
    minimal.replace('./flowers', '"./flowers'),
    [],
    'FT_CONFIG_SYNTAX',
    'run.yaml:11:1: not valid YAML. Missing closing "quote',
    'Correct the line and column that the message names.',
  ],
  [
    'the same key twice',
    `${minimal}seed: 1\nseed: 2\n`,
    [],
    'FT_CONFIG_SYNTAX',
    'run.yaml:12:1: not valid YAML. Map keys must be unique',
    'Correct the line and column that the message names.',
  ],
  [
    'a tag of another language',
    minimal.replace('./flowers', '!!python/object x'),
    [],
    'FT_CONFIG_SYNTAX',
    'run.yaml:4:11: not valid YAML. Unresolved tag: tag:yaml.org,2002:python/object',
    'Correct the line and column that the message names.',
  ],
  [
    'an empty file',
    '# nothing\n',
    [],
    'FT_CONFIG_SYNTAX',
    'run.yaml:1:1: the document is empty.',
    'Correct the line and column that the message names.',
  ],
  [
    'a list for a document',
    '- 1\n',
    [],
    'FT_CONFIG_INVALID_VALUE',
    'run.yaml:1:1: the document is [1]. It must be a group of keys (apiVersion, kind, name, seed, data, model, phases, batch, workers, best, engine, cache, checkpoint, metrics, security, training).',
    'Change the value to one that the message allows.',
  ],
];

describe('a configuration with a fault', () => {
  it.each(cases)('is refused: %s', async (_name, text, sets, code, message, remedy) => {
    const { error, ...found } = await failure(text, sets);
    expect(found).toEqual({ code, message, remedy });
    expect(error.exitCode).toBe(2);
  });

  it('lists all faults of all kinds: of arguments, unknown keys, values, and of keys together', async () => {
    const faulty = minimal
      .replace('imageSize: 64', 'imageSize: 64\n  imgSize: 3\n  split: { train: 1, val: 1 }')
      .replace('epochs: 3', 'epochs: 0\n    x: 1');
    const { error } = await failure(`${faulty}batch: { size: 30, shards: 8 }\n`, [
      'seed',
      'modle.width=2',
      'security.host=0.0.0.0',
    ]);
    const problems = error.details?.['problems'] as { code: string; path: string }[];
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'FT_CONFIG_BAD_SET ',
      'FT_CONFIG_UNKNOWN_KEY modle',
      'FT_CONFIG_UNKNOWN_KEY data.imgSize',
      'FT_CONFIG_UNKNOWN_KEY phases.0.x',
      'FT_CONFIG_INVALID_VALUE phases.0.epochs',
      'FT_CONFIG_CONFLICT data.split',
      'FT_BATCH_NOT_MULTIPLE batch.shards',
      'FT_CONFIG_UNSUPPORTED security.host',
    ]);
    expect(problems[0]).toEqual({
      code: error.code,
      path: '',
      message: error.message,
      remedy: error.remedy,
    });
  });

  it('is told with what is wrong with its model, which is looked at where its own group is valid', async () => {
    const refuse = (): never => {
      const details = { nearest: ['resnet18'] };
      throw new FtctlError('FT_MODEL_UNKNOWN', { what: 'There is no such network.', details });
    };
    const codesOf = async (text: string): Promise<string[]> => {
      const { error } = await failure(text, [], { checkModel: refuse });
      return (error.details?.['problems'] as { code: string }[]).map(({ code }) => code);
    };
    expect(await codesOf(minimal)).toEqual(['FT_MODEL_UNKNOWN']);
    const { error } = await failure(minimal, [], { checkModel: refuse });
    expect(error.details).toMatchObject({ nearest: ['resnet18'] });
    expect(await codesOf(minimal.replace('imageSize: 64', 'imageSize: 4'))).toEqual([
      'FT_CONFIG_INVALID_VALUE',
      'FT_MODEL_UNKNOWN',
    ]);
    expect(await codesOf(minimal.replace('weights: random', 'weights: 3'))).toEqual([
      'FT_CONFIG_INVALID_VALUE',
    ]);
  });

  it.each([
    ['IMAGENET1K_V1', 'FT_CONFIG_UNSUPPORTED'],
    ['x.pth', 'FT_CONFIG_UNSUPPORTED'],
    ['npm:nsfwjs@4.4.0#mobilenet_v2_mid', 'FT_CONFIG_MISSING_KEY'],
    ['npm:nsfwjs@latest#mobilenet_v2_mid', 'FT_CONFIG_INVALID_VALUE'],
  ])('is told once where its weights are none that ftctl reads: %s', async (weights, code) => {
    const sets = [`model.weights=${weights}`];
    const { error } = await failure(minimal, sets, { checkModel: checkModelSpec });
    const problems = error.details?.['problems'] as { code: string }[];
    expect(problems.map((problem) => problem.code)).toEqual([code]);
  });

  it('accepts fractions that sum to 1 only up to rounding', async () => {
    // In binary 0.7 + 0.2 + 0.1 is 0.9999999999999999.
    const { spec } = await load(minimal, ['data.split={train: 0.7, val: 0.2, test: 0.1}']);
    expect(spec.data.split).toEqual({ train: 0.7, val: 0.2, test: 0.1 });
  });

  it('does not expand aliases without end', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `k${i}: &a${i} [${Array(12)
          .fill(i === 0 ? 'x' : `*a${i - 1}`)
          .join(', ')}]`,
    );
    const { code, message } = await failure(levels.join('\n'));
    expect(code).toBe('FT_CONFIG_SYNTAX');
    expect(message).toContain('alias');
  });

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
