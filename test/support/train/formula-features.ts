import {
  type FeatureCounters,
  type FeatureRequest,
  type FeatureSource,
  paddingSample,
} from '../../../src/features/feature-source.js';

/** A feature as a pure function of (sample, view, place): a wave of its own for each label, and noise. */
export function formulaFeature(sample: number, label: number, view: number, f: number): number {
  const noise = Math.sin(sample * 12.9898 + (view + 1) * 78.233 + f * 37.719);
  return Math.fround(Math.cos(label * 1.7 + f) + 0.7 * noise);
}

/** A feature source without images. Records what it is asked for; can be made to fail or to wait. */
export class FormulaFeatures implements FeatureSource {
  readonly width: number;
  readonly requests: FeatureRequest[] = [];
  readonly labels: readonly number[];
  /** Rejects the request with this number (from 0), once. */
  failAt: { request: number; error: Error } | undefined;
  /** While set, answers wait for it. */
  gate: Promise<void> | undefined;
  numAborted = 0;
  readonly recycled: Float32Array[] = [];

  constructor(width: number, labels: readonly number[]) {
    this.width = width;
    this.labels = labels;
  }

  async features(request: FeatureRequest, signal?: AbortSignal): Promise<Float32Array> {
    const number = this.requests.push(request) - 1;
    await (this.gate ?? Promise.resolve());
    if (signal?.aborted === true) {
      this.numAborted += 1;
      throw signal.reason;
    }
    if (this.failAt?.request === number) throw this.failAt.error;
    const rows = new Float32Array(request.samples.length * this.width);
    for (const [row, sample] of request.samples.entries()) {
      if (sample === paddingSample) continue;
      for (let f = 0; f < this.width; f += 1) {
        const label = this.labels[sample]!;
        rows[row * this.width + f] = formulaFeature(sample, label, request.views[row]!, f);
      }
    }
    return rows;
  }

  recycle(features_BF: Float32Array): void {
    this.recycled.push(features_BF);
  }

  counters(): FeatureCounters {
    const rowsComputed = this.requests.reduce(
      (sum, { samples }) => sum + samples.filter((sample) => sample !== paddingSample).length,
      0,
    );
    const none = { imagesDecoded: 0, imagesCached: 0, rowsCached: 0 };
    return { ...none, rowsComputed, decodeSeconds: 0, augmentSeconds: 0, backboneSeconds: 0 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
