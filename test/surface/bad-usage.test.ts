import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ftctl, program, run } from './support.js';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'ftctl-surface-'));
  await writeFile(
    join(cwd, 'bad.yaml'),
    'apiVersion: ftctl/v1\nkind: TrainingRun\ndata: { source: ./x, imagSize: 64 }\nmodel: { architecture: resnet18, weights: random }\nphases: [{ epochs: 0 }]\n',
  );
  await writeFile(join(cwd, 'broken.yaml'), 'apiVersion: ftctl/v1\nkind: [\n');
});
afterAll(() => rm(cwd, { recursive: true }));

const text: [args: string[], code: number, stderr: string][] = [
  [
    ['lanch'],
    2,
    'error FT_USAGE: "ftctl lanch" is not a command.\n  remedy: Did you mean `ftctl launch`?\n',
  ],
  [
    ['config', 'shw'],
    2,
    'error FT_USAGE: "ftctl config shw" is not a command.\n  remedy: Did you mean `ftctl config show`?\n',
  ],
  [
    ['launch', '--wrkers', '3'],
    2,
    'error FT_USAGE: Nonexistent flag: --wrkers.\n  remedy: Did you mean --workers? See `ftctl launch --help`.\n',
  ],
  [
    ['train', '-c', 'x.yaml'],
    2,
    'error FT_USAGE: "ftctl train" is not a command.\n  remedy: Did you mean `ftctl launch`?\n',
  ],
  [
    ['launch', '--nproc_per_node=2'],
    2,
    'error FT_USAGE: Nonexistent flag: --nproc_per_node=2.\n  remedy: Did you mean --workers? See `ftctl launch --help`.\n',
  ],
  [
    ['launch', '--num-processes', '2'],
    2,
    'error FT_USAGE: Nonexistent flag: --num-processes.\n  remedy: Did you mean --workers? See `ftctl launch --help`.\n',
  ],
  [
    ['config', 'validate', '-c', 'x.yaml'],
    2,
    'error FT_USAGE: Nonexistent flag: -c.\n  remedy: FILE is given without a flag: `ftctl config validate FILE`. See `ftctl config validate --help`.\n',
  ],
  [
    ['launch', '--workers', 'four'],
    2,
    'error FT_USAGE: --workers: Expected an integer but received: four.\n  remedy: See `ftctl launch --help`.\n',
  ],
  [
    ['launch', 'my flowers.yaml', '--workers', '4'],
    2,
    `error FT_USAGE: Unexpected argument: 'my flowers.yaml'. "ftctl launch" takes flags alone.\n  remedy: Did you mean \`ftctl launch --config 'my flowers.yaml'\`? See \`ftctl launch --help\`.\n`,
  ],
  [
    ['launch', '--workers', '4', 'flowers.yaml'],
    2,
    'error FT_USAGE: Unexpected argument: flowers.yaml. "ftctl launch" takes flags alone.\n  remedy: Did you mean `ftctl launch --config flowers.yaml`? See `ftctl launch --help`.\n',
  ],
  [
    ['runs', 'a', 'b'],
    2,
    'error FT_USAGE: Unexpected arguments: a b. "ftctl runs" takes flags alone.\n  remedy: See `ftctl runs --help`.\n',
  ],
  [
    ['config', 'validate', 'a.yaml', 'b.yaml'],
    2,
    'error FT_USAGE: Unexpected argument: b.yaml. Beside flags "ftctl config validate" takes FILE alone.\n  remedy: See `ftctl config validate --help`.\n',
  ],
  [
    ['weights', 'import', 'x.pth', '--architecture', 'mobilenet_v2', '--width', 'half'],
    2,
    'error FT_USAGE: --width: Expected a number but received: half.\n  remedy: See `ftctl weights import --help`.\n',
  ],
  [
    ['weights', 'import', 'x.pth', '--architecture', 'resnet18', '--mean', '0,0', '--std', '1,1,1'],
    2,
    'error FT_USAGE: --mean: Expected three numbers, for red, green and blue, as 0.485,0.456,0.406, but received: 0,0.\n  remedy: See `ftctl weights import --help`.\n',
  ],
  ...(
    [
      ['--std', '0,1,1', 'over 0 and at most 1'],
      ['--std', '0.2,-0.2,0.2', 'over 0 and at most 1'],
      ['--std', '58.4,57.1,57.4', 'over 0 and at most 1'],
      ['--mean', '123.7,116.3,103.5', 'from 0 to 1'],
      ['--mean', '-0.1,0,0', 'from 0 to 1'],
    ] as const
  ).map(([flag, value, range]): [string[], number, string] => [
    [
      ...['weights', 'import', 'x.pth', '--architecture', 'resnet18'],
      ...[flag === '--std' ? '--mean=0,0,0' : '--std=1,1,1', `${flag}=${value}`],
    ],
    2,
    `error FT_USAGE: ${flag}: Expected three numbers ${range}: they are of pixels / 255 (divide those of pixels from 0 to 255 by 255); but received: ${value}.\n  remedy: See \`ftctl weights import --help\`.\n`,
  ]),
  [
    ['weights', 'inspect', 'npm:nsfwjs@4.4.0#mobilenet_v2_mid'],
    2,
    'error FT_WEIGHTS_SOURCE: WEIGHTS is "npm:nsfwjs@4.4.0#mobilenet_v2_mid". An npm source needs --integrity: the tarball\'s sha512.\n  remedy: Set `--integrity` to what `npm view nsfwjs@4.4.0 dist.integrity` prints.\n',
  ],
  [
    [
      ...['weights', 'import', 'npm:nsfwjs@4.4.0#mobilenet_v2_mid', '--integrity', 'sha512-x'],
      ...['--architecture', 'mobilenet_v2'],
    ],
    3,
    'error FT_WEIGHTS_MISMATCH: --architecture is mobilenet_v2 with width 1. The weights of npm:nsfwjs@4.4.0#mobilenet_v2_mid are mobilenet_v2 with width 1.4.\n  remedy: Set `--architecture` to mobilenet_v2 and `--width` to 1.4.\n',
  ],
  [
    ['weights', 'inspect', 'https://example.org/w.pth'],
    2,
    'error FT_WEIGHTS_SOURCE: WEIGHTS is "https://example.org/w.pth". A download needs --integrity: the file\'s SHA-256 (64 hex digits, or sha256- and base64) or SHA-512 (sha512- and base64).\n  remedy: Set `--integrity` to the hash of the file that its publisher names.\n',
  ],
  [
    ['models', 'show', 'alexnet', '--image-size', '32'],
    2,
    'error FT_MODEL_IMAGE_SIZE: Images of 32 x 32 pixels are too small for this network. The output of layer features.12 would be 256 x 0 x 0; the smallest images that work have 63 x 63 pixels.\n  remedy: Raise `--image-size`.\n',
  ],
  [
    ['predict'],
    2,
    'error FT_USAGE: Missing RUN and IMAGE.\n  remedy: See `ftctl predict --help`.\n',
  ],
  [
    ['features', 'photos'],
    2,
    'error FT_USAGE: Missing required flag out.\n  remedy: See `ftctl features --help`.\n',
  ],
  [
    ['launch', '--config', 'none.yaml'],
    2,
    'error FT_CONFIG_NOT_FOUND: The configuration file none.yaml cannot be read: it does not exist.\n  remedy: Check the path after --config; without --config the packaged quick start is used.\n',
  ],
  [
    ['launch', '--config', 'bad.yaml'],
    2,
    'error FT_CONFIG_UNKNOWN_KEY: bad.yaml:3:22: data.imagSize is not a configuration key.\n' +
      '  remedy: Did you mean data.imageSize?\n' +
      'also FT_CONFIG_INVALID_VALUE: bad.yaml:5:12: phases.0.epochs is 0. It must be a whole number from 1 to 1000000.\n',
  ],
  [
    ['config', 'validate', 'broken.yaml'],
    2,
    'error FT_CONFIG_SYNTAX: broken.yaml:3:1: not valid YAML. Flow sequence in block collection must be sufficiently indented and end with a ]\n  remedy: Correct the line and column that the message names.\n',
  ],
  [
    ['launch', '--workers', '9', '--set', 'batch.shards=8'],
    2,
    'error FT_TOO_MANY_WORKERS: --set workers.count=9: workers.count is 9 and batch.shards is 8. Each worker owns at least one shard of the batch.\n  remedy: Use at most 8 workers, or set batch.shards to 16.\n',
  ],
  [
    ['verify', '--workers', '1,0'],
    2,
    'error FT_USAGE: --workers: Expected whole numbers from 1 on, as 1,2,3, but received: 1,0.\n  remedy: See `ftctl verify --help`.\n',
  ],
  [
    ['verify', '--workers', 'two,3'],
    2,
    'error FT_USAGE: --workers: Expected whole numbers from 1 on, as 1,2,3, but received: two,3.\n  remedy: See `ftctl verify --help`.\n',
  ],
  [
    ['verify', '--workers', ''],
    2,
    'error FT_USAGE: --workers: Expected whole numbers from 1 on, as 1,2,3, but received: nothing.\n  remedy: See `ftctl verify --help`.\n',
  ],
  [
    ['verify', '--workers', '2,3,2'],
    2,
    'error FT_USAGE: --workers: Expected each number once (2 is there twice) but received: 2,3,2.\n  remedy: See `ftctl verify --help`.\n',
  ],
  [
    ['verify', '--workers', '2'],
    2,
    'error FT_USAGE: --workers: Expected at least two numbers, as 1,2,3, but received: 2.\n  remedy: See `ftctl verify --help`.\n',
  ],
  [
    ['verify', '--runs-dir', 'verify-runs'],
    2,
    'error FT_USAGE: Missing required flag workers.\n  remedy: See `ftctl verify --help`.\n',
  ],
  [
    ['verify', '--workers', '1,9', '--set', 'batch.shards=8'],
    2,
    'error FT_TOO_MANY_WORKERS: --set workers.count=9: workers.count is 9 and batch.shards is 8. Each worker owns at least one shard of the batch.\n  remedy: Use at most 8 workers, or set batch.shards to 16.\n',
  ],
  [
    ['config', 'validate', '--set', 'model.architecture=resnet19'],
    2,
    'error FT_MODEL_UNKNOWN: There is no architecture "resnet19". Did you mean resnet18? The architectures are alexnet, densenet121, densenet161, densenet169, densenet201, inception_v3, mobilenet_v2, resnet18, resnet34, resnet50, resnet101, resnet152, squeezenet1_0, squeezenet1_1, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn.\n  remedy: Set `model.architecture` to one of the names in the message.\n',
  ],
  [
    ['worker', '--join', '127.0.0.1:1', '--slot', '0'],
    2,
    'error FT_USAGE: The environment variable FTCTL_TOKEN is missing. This process is one that `ftctl launch` starts.\n  remedy: Use `ftctl launch`.\n',
  ],
];

describe('a command that cannot be carried out', () => {
  it.each(text)('says so: ftctl %j', async (args, code, stderr) => {
    expect(await ftctl(args, { cwd })).toEqual({ stdout: '', stderr, code });
  });

  it.each([
    [['launch', '--json', '--flag'], 2, 'FT_USAGE'],
    [['nothing', '--json'], 2, 'FT_USAGE'],
    [['config', 'validate', 'bad.yaml', '--json'], 2, 'FT_CONFIG_UNKNOWN_KEY'],
    [['predict', 'no-run', 'x.png', '--json'], 2, 'FT_RUN_NOT_FOUND'],
    [['stop', 'no-run', '--json'], 2, 'FT_RUN_NOT_FOUND'],
  ])('says so in JSON, with the same exit code: ftctl %j', async (args, code, errorCode) => {
    const ended = await ftctl(args, { cwd });
    expect(ended).toMatchObject({ stderr: '', code });
    expect(JSON.parse(ended.stdout)).toMatchObject({
      status: 'failed',
      error: { code: errorCode, rank: null, phase: null },
      runDir: null,
      resumable: false,
    });
  });

  it('does not take --json after -- for its own', async () => {
    const { stdout, stderr } = await ftctl(['runs', '--', '--json'], { cwd });
    expect(stdout).toBe('');
    expect(stderr).toContain('error FT_USAGE: Unexpected argument: --json');
  });
});

describe('a launch on GPUs that are not there', () => {
  it('is refused before it has a run folder', async () => {
    const env = { PATH: '', CUDA_VISIBLE_DEVICES: undefined };
    const args = ['launch', '--set', 'engine.provider=cuda', '--runs-dir', 'gpu-runs'];
    expect(await ftctl(args, { cwd, env })).toEqual({
      stdout: '',
      stderr:
        'error FT_ENGINE_UNAVAILABLE: engine.provider is cuda, and nvidia-smi cannot list the GPUs of this machine. It is not installed.\n' +
        "  remedy: Install NVIDIA's driver, set CUDA_VISIBLE_DEVICES, or use `engine.provider: cpu`.\n",
      code: 5,
    });
    expect(existsSync(join(cwd, 'gpu-runs'))).toBe(false);
  });
});

describe('ftctl started by npx', () => {
  it('names its commands with npx', async () => {
    const npx = { npm_command: 'exec' };
    expect((await ftctl(['runs'], { cwd, env: npx })).stdout).toBe(
      'No runs in runs. Start one with: npx ftctl launch\n',
    );
    expect((await ftctl(['launch', '--flag'], { cwd, env: npx })).stderr).toContain(
      'See `npx ftctl launch --help`.',
    );
    expect((await ftctl(['launch', '--help'], { cwd, env: npx })).stdout).toContain(
      '$ npx ftctl launch --workers 4',
    );
  });
});

describe('a reader that goes away', () => {
  it('changes neither the exit code nor what is printed elsewhere', async () => {
    // `true` ends at once, long before ftctl has anything to write.
    for (const args of ['config schema', 'launch --flag', 'launch --flag --json']) {
      const pipe = `"$0" "$1" ${args} 2>&1 | true; echo "\${PIPESTATUS[0]}"`;
      const ended = await run('bash', ['-c', pipe, process.execPath, program], { cwd });
      const code = args === 'config schema' ? 0 : 2;
      expect(ended).toEqual({ stdout: `${code}\n`, stderr: '', code: 0 });
    }
  });
});

describe('a command that succeeds', () => {
  it('prints its result alone on stdout', async () => {
    expect(await ftctl(['runs'], { cwd })).toEqual({
      stdout: 'No runs in runs. Start one with: ftctl launch\n',
      stderr: '',
      code: 0,
    });
    expect(await ftctl(['runs', '--json'], { cwd })).toEqual({
      stdout: '[]\n',
      stderr: '',
      code: 0,
    });
    expect(await ftctl(['config', 'validate', '--json'], { cwd })).toEqual({
      stdout: '{\n  "valid": true,\n  "name": "quickstart",\n  "warnings": []\n}\n',
      stderr: '',
      code: 0,
    });
  });

  it('shows a configuration that loads again to the same text', async () => {
    const shown = await ftctl(['config', 'show', '--set', 'data.views=fresh'], { cwd });
    await writeFile(join(cwd, 'shown.yaml'), shown.stdout);
    expect(await ftctl(['config', 'show', 'shown.yaml'], { cwd })).toEqual(shown);
    expect(shown.stdout).toContain('views: fresh');
  });
});
