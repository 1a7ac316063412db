import { isNpm } from './paths.js';
import { missingIntegrity, unused } from './problem-parts.js';
import type { Problem } from './problems.js';
import type { UserConfig } from './schema.js';

type DataConfig = UserConfig['data'];

const npmSource = /^npm:(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*@\d[\w.+-]*$/i;
const scheme = /^[a-z][a-z0-9+]*:\/\//i;
const manifest = /\.(csv|jsonl)$/i;
const path = ['data', 'source'];

/** Rules that tie keys of `data` together, in document order. */
export function dataProblems(data: DataConfig): Problem[] {
  return [
    ...sourceProblems(data),
    ...withinProblems(data),
    ...splitProblems(data),
    ...groupProblems(data),
    ...sizeProblems(data),
    ...augmentProblems(data),
  ];
}

function sourceProblems(data: DataConfig): Problem[] {
  const { source, integrity, rules, sha256, within } = data;
  const notNpm = 'data.source is not an npm package';
  const notArchive = 'data.source is not an archive';
  if (isNpm(source)) {
    if (!npmSource.test(source)) {
      return [
        {
          code: 'FT_CONFIG_INVALID_VALUE',
          path,
          what: `data.source is ${source}.`,
          why: 'An npm package is named with its exact version, as npm:NAME@1.2.3.',
        },
      ];
    }
    return [
      ...(integrity === null ? [missingIntegrity(['data', 'integrity'], source)] : []),
      ...unused(sha256, ['data', 'sha256'], notArchive),
      ...unused(within, ['data', 'within'], notArchive),
      ...(rules === null ? [missingRules(source)] : []),
    ];
  }
  const noIntegrity = unused(integrity, ['data', 'integrity'], notNpm);
  if (source.startsWith('https:')) {
    return [
      ...addressProblems(source),
      ...noIntegrity,
      ...(sha256 === null ? [noSha256(source)] : []),
    ];
  }
  if (scheme.test(source) && !/^file:\/\/(localhost)?\//.test(source)) {
    return [
      {
        code: 'FT_CONFIG_UNSUPPORTED',
        path,
        what: `data.source is ${source}.`,
        why: 'This version fetches over https and from npm alone, and a `file:` address names an absolute path of this machine.',
        remedy: 'Use an https address, or download the data and name its folder.',
      },
    ];
  }
  if (!manifest.test(source)) return noIntegrity;
  const isTable = 'data.source is a .csv or .jsonl manifest';
  return [
    ...noIntegrity,
    ...unused(sha256, ['data', 'sha256'], isTable),
    ...unused(within, ['data', 'within'], isTable),
    ...unused(rules, ['data', 'rules'], isTable),
  ];
}

function addressProblems(source: string): Problem[] {
  const address = URL.canParse(source) ? new URL(source) : undefined;
  if (address?.hostname) {
    if (address.username === '' && address.password === '') return [];
    return [
      {
        code: 'FT_CONFIG_INVALID_VALUE',
        path,
        what: 'data.source has a user name or a password in its address.',
        why: 'The configuration is copied into the run folder, for all to read.',
        remedy: 'Download the archive and name the file.',
      },
    ];
  }
  return [
    {
      code: 'FT_CONFIG_INVALID_VALUE',
      path,
      what: `data.source is ${source}.`,
      why: 'It is no address: one is written https://HOST/PATH.',
    },
  ];
}

function noSha256(source: string): Problem {
  return {
    code: 'FT_CONFIG_MISSING_KEY',
    path: ['data', 'sha256'],
    what: 'data.sha256 is missing.',
    why: `The archive ${source} is compared with a pinned SHA-256 before it is unpacked.`,
    remedy:
      'Set it (on the command line `--set data.sha256=...`) to what the publisher says, or to what `sha256sum FILE` prints of a download that you trust.',
  };
}

function missingRules(source: string): Problem {
  return {
    code: 'FT_CONFIG_MISSING_KEY',
    path: ['data', 'rules'],
    what: 'data.rules is missing.',
    why: `${source} is an npm package; a rule file says which of its files are samples.`,
    remedy: 'Set data.rules to a rule file; configs/emoji-16-classes.yaml is one.',
  };
}

function withinProblems({ within }: DataConfig): Problem[] {
  if (within === null) return [];
  const parts = within.split(/[/\\]/);
  if (!/^([/\\~]|[a-z]:)/i.test(within) && !parts.includes('..')) return [];
  return [
    {
      code: 'FT_CONFIG_INVALID_VALUE',
      path: ['data', 'within'],
      what: `data.within is ${within}.`,
      why: 'It is a relative path inside of the archive, without `..`.',
    },
  ];
}

function splitProblems({ split }: DataConfig): Problem[] {
  const sum = split.train + split.val + split.test;
  const problem = (what: string, why: string): Problem[] => [
    { code: 'FT_CONFIG_CONFLICT', path: ['data', 'split'], what, why },
  ];
  const parts = `train ${split.train}, val ${split.val} and test ${split.test}`;
  // Decimal fractions do not add up exactly in binary: 0.7 + 0.2 + 0.1 is 0.9999999999999999.
  if (Math.abs(sum - 1) > 1e-9) {
    return problem(
      `data.split is ${parts}, together ${Number(sum.toPrecision(9))}.`,
      'The fractions must sum to 1.',
    );
  }
  if (split.train === 0 || split.val === 0) {
    return problem(
      `data.split is ${parts}.`,
      'Training needs images in train, and the best epoch is chosen on val: neither may be 0.',
    );
  }
  return [];
}

function groupProblems({ split: { groupBy } }: DataConfig): Problem[] {
  const at = ['data', 'split', 'groupBy'];
  if (!groupBy?.startsWith('/')) return [];
  const problem = (why: string): Problem[] => [
    { code: 'FT_CONFIG_INVALID_VALUE', path: at, what: `data.split.groupBy is ${groupBy}.`, why },
  ];
  if (groupBy.length < 3 || !groupBy.endsWith('/')) {
    return problem('A pattern is written between slashes, as /^([^_]+)_/.');
  }
  try {
    new RegExp(groupBy.slice(1, -1), 'u');
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return problem(`It is no regular expression (${message.split(': ').at(-1)!}).`);
  }
}

function sizeProblems({ imageSize, valTransform: { resize } }: DataConfig): Problem[] {
  if (resize === null || resize >= imageSize) return [];
  return [
    {
      code: 'FT_CONFIG_CONFLICT',
      path: ['data', 'valTransform', 'resize'],
      what: `data.valTransform.resize is ${resize} and data.imageSize is ${imageSize}.`,
      why: `The square of ${imageSize} pixels is cut out of an image whose shorter side is ${resize}.`,
      remedy: `Use ${imageSize} or more; torchvision's networks are judged with imageSize * 8 / 7.`,
    },
  ];
}

function augmentProblems({ augment: { crop, randomResizedCrop } }: DataConfig): Problem[] {
  if (randomResizedCrop === null || (crop[0] === 1 && crop[1] === 1)) return [];
  return [
    {
      code: 'FT_CONFIG_CONFLICT',
      path: ['data', 'augment', 'crop'],
      what: 'data.augment.crop and data.augment.randomResizedCrop are both set.',
      why: 'Each says which part of an image a view shows.',
      remedy: 'Remove one of them.',
    },
  ];
}
