import { setImmediate } from 'node:timers/promises';
import { RoundReducer } from '../collective/reducer.js';
import type { PeerMessage } from '../collective/messages.js';
import { startWorkerServer, type WorkerServer } from '../collective/worker-server.js';
import { decodeManifest } from '../data/manifest-json.js';
import type { Plan } from '../data/plan.js';
import { plainView } from '../data/preprocessing.js';
import { fingerprint } from '../engines/fingerprint.js';
import { openPhaseEngine } from '../engines/open-phase-engine.js';
import { FtctlError } from '../errors/index.js';
import type { FeatureRequest, FeatureSource } from '../features/feature-source.js';
import { openFeatureSource } from '../features/open-feature-source.js';
import { BucketClock } from '../metrics/bucket-clock.js';
import type { Generation } from '../rpc/generation.js';
import { decodeBundle } from '../state/run-bundle.js';
import { makeTrainer } from '../train/make-trainer.js';
import { planOf } from '../train/plan-of.js';
import { openStateWork } from '../train/state-work/open-state-work.js';
import type { OpenableTrainer, RoundOutcome, ShardRange, Snapshot } from '../train/trainer.js';
import { BlobStore } from '../util/blob-store.js';
import { systemClock } from '../util/clock.js';
import type { Closers } from '../util/closers.js';
import { peakMemoryBytes } from '../util/peak-memory.js';
import { Exchange } from './exchange.js';
import { PhaseOpener } from './phase-opener.js';
import type { Cost, ProbeMeasures, ProbeRequest } from './probe-messages.js';
import { probeSpec } from './probe-spec.js';
import { RoundCosts } from './round-costs.js';
import { runRounds } from './rounds.js';
import { startOf } from './run-start.js';

/** Names a probe's messages; whoever has the token is of the same dry run. */
const runKey = '0000000000000000';

export interface ProbeTools {
  /** Closes whatever is opened. */
  readonly closers: Closers;
  readonly signal: AbortSignal;
}

/**
 * One worker of a dry run: it does two short epochs of a phase as a worker of the run would, with the other workers at work beside it. Its
 * calls come in this order; each rejects with an FtctlError, or with the signal's reason.
 */
export interface Probe {
  /** `host:port` for the other probes. */
  readonly address: string;
  /** Opens the phase and the streams to the others, and warms up. */
  open(generation: Generation): Promise<void>;
  /** Makes the features of an epoch, which were in no cache. */
  makeFeatures(): Promise<void>;
  runRounds(): Promise<ProbeMeasures>;
}

type ServeRequest = Extract<ProbeRequest, { ask: 'serve' }>;

export async function startProbe(request: ServeRequest, tools: ProbeTools): Promise<Probe> {
  const { self, token } = request;
  const server = await startWorkerServer({ host: '127.0.0.1', token, states: () => undefined });
  tools.closers.add(() => server.close());
  let opened: OpenProbe | undefined;
  let features: Cost | undefined;
  return {
    address: server.address,
    open: async (generation) => {
      const shards = generation.members.find(({ incarnation }) => incarnation === self)!;
      opened = await openProbe(request, { ...tools, server, generation, shards });
    },
    makeFeatures: async () => {
      features = await featureCost(opened!, tools.signal);
    },
    runRounds: () => measuredRounds(opened!, features!, tools.signal),
  };
}

interface OpenProbe {
  readonly plan: Plan;
  readonly shards: ShardRange;
  readonly sampling: 'once' | 'weighted';
  readonly trainer: OpenableTrainer;
  readonly exchange: Exchange;
  readonly failed: Promise<never>;
  readonly buckets: BucketClock;
  readonly source: FeatureSource;
}

interface Place extends ProbeTools {
  readonly server: WorkerServer;
  readonly generation: Generation;
  readonly shards: ShardRange;
}

async function openProbe(
  { bundle: text, phase, self, featuresDir }: ServeRequest,
  { closers, signal, server, generation, shards }: Place,
): Promise<OpenProbe> {
  const bundle = decodeBundle(text);
  const { prepared } = bundle;
  const spec = probeSpec(bundle.spec, phase);
  const blobs = new BlobStore(spec.cache.path);
  const manifest = decodeManifest((await blobs.read(bundle.manifestSha256)).toString('utf8'));
  const { hash: fingerprintHash } = await fingerprint({ provider: spec.engine.provider });
  const plan = planOf(spec, manifest);
  // The launcher has made all files a moment ago, on this machine.
  const fetch = (): Promise<void> => Promise.resolve();
  const { initial, engineOptions } = await startOf(bundle, plan.rowsPerShard, { blobs, fetch });
  const { pool } = server.transport;
  let source: FeatureSource | undefined;
  const opener = new PhaseOpener({
    ...{ bundle, manifest, fingerprintHash, engineOptions, fetch, closers, pool, signal },
    onWarning: () => undefined,
    open: {
      features: async (options) =>
        (source = await openFeatureSource({
          ...options,
          ...{ cacheDir: featuresDir, cacheFeatures: true },
        })),
      engine: openPhaseEngine,
    },
  });
  const work = openStateWork(initial.parameters.length);
  closers.add(() => work.close());
  const buckets = new BucketClock(systemClock);
  const trainer = makeTrainer({
    ...{ spec, plan, manifest, initial, work, timeline: buckets },
    model: { ...prepared, phases: [prepared.phases[phase]!] },
    open: () => opener.open(phase),
    recycle: (values) => {
      pool.give(values);
    },
  });
  await trainer.open(shards, signal);
  const { sampling } = spec.phases[0]!;
  return {
    ...{ plan, shards, sampling, trainer, buckets, source: source! },
    ...(await openExchange(server, generation, self, signal)),
  };
}

/** The streams to the other probes, and the all-reduce over them. */
async function openExchange(
  { transport }: WorkerServer,
  generation: Generation,
  self: string,
  signal: AbortSignal,
): Promise<Pick<OpenProbe, 'exchange' | 'failed'>> {
  let fail!: (error: FtctlError) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  // It is awaited as rounds begin.
  failed.catch(() => undefined);
  const exchange = new Exchange({
    ...{ run: runKey, generation },
    reducer: new RoundReducer({ run: runKey, generation, self, pool: transport.pool }),
    send: ({ toRank, message }) => {
      transport.send(toRank, message);
    },
    onFailed: fail,
    log: () => undefined,
  });
  transport.onMessage((message: PeerMessage) => {
    exchange.receive(message);
  });
  transport.onLost((_, cause) => {
    fail(new FtctlError('FT_PEER_UNREACHABLE', { what: cause }));
  });
  await transport.open(generation, self, signal);
  return { exchange, failed };
}

/** Features of the epoch's batches, all asked for ahead, as a run does; the backbone is loaded and warmed up before. */
async function featureCost(probe: OpenProbe, signal: AbortSignal): Promise<Cost> {
  const { plan, shards, sampling, source } = probe;
  const ofShards = Array.from({ length: shards.numShards }, (_, i) => shards.firstShard + i);
  const ask = (request: FeatureRequest): Promise<unknown> => source.features(request, signal);
  const warmUp = Int32Array.from(
    ofShards.flatMap((shard) => [
      ...plan.evaluationSamples('val', shard).slice(0, plan.rowsPerShard),
    ]),
  );
  if (warmUp.length > 0) await ask({ samples: warmUp, views: warmUp.map(() => plainView) });
  const meter = costMeter();
  const numBatches = plan.numTrainSteps;
  await Promise.all(
    Array.from({ length: numBatches }, (_, step) => {
      const rows = ofShards.map((shard) => plan.trainMicrobatch(0, step, shard, sampling));
      return ask({
        samples: Int32Array.from(rows.flatMap(({ samples }) => [...samples])),
        views: Int32Array.from(rows.flatMap(({ views }) => [...views])),
      });
    }),
  );
  const { seconds, cpuSeconds } = meter();
  return { seconds: seconds / numBatches, cpuSeconds: cpuSeconds / numBatches };
}

async function measuredRounds(
  { trainer, exchange, failed, shards, plan, buckets }: OpenProbe,
  features: Cost,
  signal: AbortSignal,
): Promise<ProbeMeasures> {
  const costs = new RoundCosts();
  const kept = new Map<string, Snapshot>();
  let meter = costMeter();
  buckets.takeSince();
  const rounds = runRounds({
    ...{ trainer, exchange, shards, signal },
    timeline: buckets,
    applied: async (outcome: RoundOutcome) => {
      // As a session does (session.ts); what is kept there until the coordinator has it is kept here until the next.
      const { isBest, checkpointDue, finished } = outcome;
      if (isBest || checkpointDue || finished) {
        kept.set(finished ? 'final' : 'last', await trainer.snapshot());
      }
      costs.add(outcome.plan, meter(), buckets.takeSince());
      meter = costMeter();
    },
    breathe: setImmediate,
  });
  await Promise.race([rounds, failed]);
  return {
    numRows: shards.numShards * plan.rowsPerShard,
    features,
    ...costs.means(plan),
    peakBytes: peakMemoryBytes(),
  };
}

/** Starts a stopwatch of wall clock and CPU time. */
function costMeter(): () => Cost {
  const start = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
}
