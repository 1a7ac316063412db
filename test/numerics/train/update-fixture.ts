import { readFileSync } from 'node:fs';
import type { OptimizerSpec, ScheduleSpec, WarmupSpec } from '../../../src/config/phase-spec.js';

/** A float32 array as base64. */
type Packed = string;

/** What make_update_fixture.py wrote. */
export const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/update-pytorch.json', import.meta.url), 'utf8'),
) as {
  readonly optimizers: readonly {
    readonly spec: OptimizerSpec;
    readonly after: Readonly<
      Record<string, { parameters: Packed; firstMoments?: Packed; secondMoments?: Packed }>
    >;
  }[];
  readonly clips: readonly {
    readonly norm: number | null;
    readonly value: number | null;
    readonly totalNorm: number | null;
    readonly clipped: Packed;
  }[];
  readonly schedules: readonly {
    readonly learningRate: number;
    readonly schedule: ScheduleSpec;
    readonly rates: readonly number[];
  }[];
  readonly warmups: readonly {
    readonly learningRate: number;
    readonly warmup: WarmupSpec;
    readonly updatesPerEpoch: number;
    readonly rates: readonly number[];
  }[];
  readonly plateaus: readonly {
    readonly learningRate: number;
    readonly schedule: Extract<ScheduleSpec, { type: 'plateau' }>;
    readonly values: readonly number[];
    readonly rates: readonly number[];
  }[];
  readonly losses: readonly {
    readonly labelSmoothing: number;
    readonly classWeights: readonly number[] | null;
    readonly mix: boolean;
    readonly loss: number;
    readonly gradient: readonly number[];
  }[];
};
