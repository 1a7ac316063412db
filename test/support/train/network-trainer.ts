import { openEngineHere } from '../../../src/engines/open-engine-here.js';
import type { TrainingTensors } from '../../../src/engines/phase-engine.js';
import type { FeatureSource } from '../../../src/features/feature-source.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import type { PreparedModel } from '../../../src/models/prepared-model.js';
import { makeTrainer } from '../../../src/train/make-trainer.js';
import type { Trainer } from '../../../src/train/trainer.js';
import type { SmallRun } from './small-run.js';

/** What the trainer of a small run is made of, if its model is a prepared one. */
export interface NetworkTrainerOptions {
  readonly run: Pick<SmallRun, 'spec' | 'manifest' | 'plan'>;
  readonly prepared: PreparedModel;
  readonly initial: TrainingTensors;
  /** Where the prepared model's blobs are. */
  readonly cacheDir: string;
  /** Of a phase: what its frozen prefix would give. */
  readonly features: (phase: number) => FeatureSource;
}

/** The product's trainer and engines, in this thread; the engine of a phase is closed when the next one is opened, the last by `close`. */
export function networkTrainer(options: NetworkTrainerOptions): {
  readonly trainer: Trainer;
  readonly close: () => Promise<void>;
} {
  const { run, prepared, initial, cacheDir, features } = options;
  const layout = parameterLayout(prepared.parameters);
  let close = (): Promise<void> => Promise.resolve();
  const trainer = makeTrainer({
    ...run,
    ...{ model: prepared, initial },
    open: async (phase) => {
      await close();
      const shape = { rowsPerShard: run.plan.rowsPerShard, provider: 'cpu' as const };
      const { batchNorm } = run.spec.phases[phase]!;
      const engine = await openEngineHere(
        prepared.phases[phase]!.engine === 'head'
          ? { kind: 'head', head: prepared.head, layout, ...shape }
          : { kind: 'network', prepared, phase, batchNorm, cacheDir, ...shape },
      );
      close = () => engine.close();
      return { engine, features: features(phase) };
    },
  });
  return { trainer, close: () => close() };
}
