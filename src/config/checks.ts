import { dataProblems } from './data-checks.js';
import { modelProblems } from './model-checks.js';
import { phaseProblems } from './phase-checks.js';
import { formatDuration, parseDuration } from './duration.js';
import type { Problem } from './problems.js';
import type { UserConfig } from './schema.js';
import { defaultShards, maxShards } from './shards.js';

/** Rules that tie several keys together, in document order; those about groups that are not given are left out. */
export function crossProblems(groups: Partial<UserConfig>): Problem[] {
  const { data, model, phases, batch, workers, tolerance, metrics, security } = groups;
  return [
    ...(data === undefined ? [] : dataProblems(data)),
    ...(model === undefined ? [] : modelProblems(model)),
    ...(phases === undefined ? [] : phaseProblems(phases, groups)),
    ...(batch === undefined || workers === undefined ? [] : batchProblems({ batch, workers })),
    ...(tolerance === undefined ? [] : toleranceProblems(tolerance)),
    ...(metrics === undefined || workers === undefined ? [] : portProblems({ metrics, workers })),
    ...(security === undefined ? [] : addressProblems({ security })),
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

/** Shorter ones give up workers that are only busy; heartbeats come four times in a tolerance. */
const tolerances = { leastMs: 300, mostMs: 3_600_000 };

function toleranceProblems(tolerance: string): Problem[] {
  const ms = parseDuration(tolerance);
  if (ms >= tolerances.leastMs && ms <= tolerances.mostMs) return [];
  return [
    {
      code: 'FT_CONFIG_INVALID_VALUE',
      path: ['tolerance'],
      what: `tolerance is ${tolerance}.`,
      why: `It must be from ${formatDuration(tolerances.leastMs)} to ${formatDuration(tolerances.mostMs)}.`,
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
