import type { RunSpec } from '../config/run-spec.js';
import type { PreparedModel } from '../models/prepared-model.js';

/**
 * What a worker needs to take part in a run, as the coordinator's `welcome` carries it: plain JSON. Large parts are
 * blobs, named by their SHA-256; a worker that does not find one in its cache fetches it from the coordinator.
 */
export interface RunBundle {
  readonly runId: string;
  readonly spec: RunSpec;
  /** Blob: the manifest (data/manifest-json.ts). */
  readonly manifestSha256: string;
  /** Of the manifest's content; with the run's id it refuses strangers on the collective streams. */
  readonly manifestHash: string;
  /** Where the coordinator has the images; a worker on the same machine has them there too. */
  readonly dataRoot: string;
  readonly prepared: PreparedModel;
  /** Side that images of training views are decoded at, in pixels. */
  readonly workingSide: number;
  /** Threads of each worker's backbone. */
  readonly threads: number;
}

export function encodeBundle(bundle: RunBundle): string {
  return JSON.stringify(bundle);
}

export function decodeBundle(text: string): RunBundle {
  return JSON.parse(text) as RunBundle;
}
