import { extname } from 'node:path';
import { isNpm } from './paths.js';
import type { Problem } from './problems.js';
import type { UserConfig } from './schema.js';
import { defaultShards, maxShards } from './shards.js';

const npmSource = /^npm:(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*@\d[\w.+-]*$/i;
const npmWeights = /^npm:(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*@\d[\w.+-]*#\S+$/i;
const url = /^[a-z][a-z0-9+]*:\/\//i;

/** Rules that tie several keys together, in document order; those about groups that are not given are left out. */
export function crossProblems(groups: Partial<UserConfig>): Problem[] {
  const { data, model, phases, batch, workers, metrics, security } = groups;
  return [
    ...(data === undefined ? [] : [...sourceProblems({ data }), ...splitProblems({ data })]),
    ...(model === undefined ? [] : weightProblems({ model })),
    ...(phases === undefined ? [] : phaseProblems({ phases })),
    ...(batch === undefined || workers === undefined ? [] : batchProblems({ batch, workers })),
    ...(metrics === undefined || workers === undefined ? [] : portProblems({ metrics, workers })),
    ...(security === undefined ? [] : addressProblems({ security })),
  ];
}

function sourceProblems({ data }: Pick<UserConfig, 'data'>): Problem[] {
  const { source, integrity, rules } = data;
  const path = ['data', 'source'];
  if (url.test(source)) {
    return [
      {
        code: 'FT_CONFIG_UNSUPPORTED',
        path,
        what: `data.source is ${source}.`,
        why: 'This version reads npm packages, folders, and .csv and .jsonl manifests.',
        remedy: 'Download the data and name its folder.',
      },
    ];
  }
  if (!isNpm(source)) {
    return [
      ...unused(integrity, ['data', 'integrity'], 'data.source is not an npm package'),
      ...unused(rules, ['data', 'rules'], 'data.source is not an npm package'),
    ];
  }
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
    ...(rules === null
      ? [
          {
            code: 'FT_CONFIG_MISSING_KEY',
            path: ['data', 'rules'],
            what: 'data.rules is missing.',
            why: `${source} is an npm package; a rule file says which of its files are samples.`,
            remedy: 'Set data.rules to a rule file; configs/emoji-16-classes.yaml is one.',
          } as const,
        ]
      : []),
  ];
}

function missingIntegrity(path: readonly string[], reference: string): Problem {
  const name = reference.slice('npm:'.length).replace(/#.*/, '');
  return {
    code: 'FT_CONFIG_MISSING_KEY',
    path,
    what: `${path.join('.')} is missing.`,
    why: `The tarball of npm:${name} is compared with a pinned sha512 before it is unpacked.`,
    remedy: `Set it to what \`npm view ${name} dist.integrity\` prints.`,
  };
}

function unused(value: string | null, path: readonly string[], reason: string): Problem[] {
  if (value === null) return [];
  return [
    {
      code: 'FT_CONFIG_CONFLICT',
      path,
      what: `${path.join('.')} has no use here: ${reason}.`,
      remedy: `Remove ${path.join('.')}.`,
    },
  ];
}

function splitProblems({ data: { split } }: Pick<UserConfig, 'data'>): Problem[] {
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

function weightProblems({ model }: Pick<UserConfig, 'model'>): Problem[] {
  const { weights, integrity } = model;
  const path = ['model', 'weights'];
  if (isNpm(weights)) {
    if (!npmWeights.test(weights)) {
      return [
        {
          code: 'FT_CONFIG_INVALID_VALUE',
          path,
          what: `model.weights is ${weights}.`,
          why: 'Weights in an npm package are named with exact version and model, as npm:NAME@1.2.3#MODEL.',
        },
      ];
    }
    return integrity === null ? [missingIntegrity(['model', 'integrity'], weights)] : [];
  }
  const notPackage = unused(integrity, ['model', 'integrity'], 'model.weights is no npm package');
  if (weights === 'random' || (!url.test(weights) && extname(weights) === '.safetensors')) {
    return notPackage;
  }
  return [
    {
      code: 'FT_CONFIG_UNSUPPORTED',
      path,
      what: `model.weights is ${weights}.`,
      why: 'This version reads .safetensors files and npm:NAME@VERSION#MODEL, or makes random weights.',
      remedy:
        "Name a .safetensors file; README.md says how to make one of torchvision's weights, or of a .pth file (in Python: safetensors.torch.save_file).",
    },
    ...notPackage,
  ];
}

function phaseProblems({ phases }: Pick<UserConfig, 'phases'>): Problem[] {
  if (phases[0]?.from !== 'best') return [];
  return [
    {
      code: 'FT_CONFIG_CONFLICT',
      path: ['phases', 0, 'from'],
      what: 'phases.0.from is "best".',
      why: 'There is no best epoch before the first phase.',
      remedy: 'Remove the key, or set it to last.',
    },
  ];
}

function batchProblems({ batch, workers }: Pick<UserConfig, 'batch' | 'workers'>): Problem[] {
  const shards = batch.shards ?? defaultShards(batch.size);
  const divisors = Array.from({ length: Math.min(batch.size, maxShards) }, (_, i) => i + 1).filter(
    (divisor) => batch.size % divisor === 0,
  );
  if (batch.size % shards !== 0) {
    const below = divisors.filter((divisor) => divisor < shards).at(-1)!; // 1 always is one
    return [
      {
        code: 'FT_BATCH_NOT_MULTIPLE',
        path: ['batch', 'shards'],
        what: `batch.size is ${batch.size} and batch.shards is ${shards}.`,
        why: 'The batch size must be a multiple of the shards.',
        remedy: `Set batch.shards to ${below}, or batch.size to ${Math.ceil(batch.size / shards) * shards}.`,
      },
    ];
  }
  if (workers.count <= shards) return [];
  const enough = divisors.find((divisor) => divisor >= workers.count);
  const most = `Use at most ${shards} ${shards === 1 ? 'worker' : 'workers'}`;
  return [
    {
      code: 'FT_TOO_MANY_WORKERS',
      path: ['workers', 'count'],
      what: `workers.count is ${workers.count} and batch.shards is ${shards}.`,
      why: 'Each worker owns at least one shard of the batch.',
      remedy:
        enough === undefined
          ? `${most}, or a larger batch.size with more batch.shards.`
          : `${most}, or set batch.shards to ${enough}.`,
    },
  ];
}

function portProblems({ metrics, workers }: Pick<UserConfig, 'metrics' | 'workers'>): Problem[] {
  const lastPort = metrics.port + workers.count;
  if (!metrics.enabled || metrics.port === 0 || lastPort <= 65_535) return [];
  return [
    {
      code: 'FT_CONFIG_CONFLICT',
      path: ['metrics', 'port'],
      what: `metrics.port is ${metrics.port}, so the last of ${workers.count} workers would need port ${lastPort}.`,
      why: 'Ports end at 65535.',
    },
  ];
}

function addressProblems({ security }: Pick<UserConfig, 'security'>): Problem[] {
  if (/^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/.test(security.host)) return [];
  return [
    {
      code: 'FT_CONFIG_UNSUPPORTED',
      path: ['security', 'host'],
      what: `security.host is ${security.host}.`,
      why: 'This version has no encryption between processes, so it talks over loopback alone.',
      remedy: 'Use 127.0.0.1, ::1 or localhost.',
    },
  ];
}
