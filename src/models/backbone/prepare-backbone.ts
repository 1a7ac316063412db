import type { OnnxModelSpec } from '../../config/run-spec.js';
import type { Preprocessing } from '../../data/preprocessing.js';
import { BlobStore } from '../../util/blob-store.js';
import type { PreparedModel } from '../prepared-model.js';
import { headPhases } from '../prepare-phases.js';
import { backboneHead, openBackbone } from './open-backbone.js';

/** What a backbone of the user's own is called where an architecture's name stands. */
const name = 'onnx';

/**
 * Makes a backbone of the user's own ready: checked each time, and stored under the SHA-256 of its contents, so that features of the
 * same file are found again. Rejects as {@link openBackbone} does, or with FT_DISK_FULL or FT_NOT_WRITABLE.
 */
export async function prepareBackbone(
  spec: OnnxModelSpec,
  options: {
    readonly numClasses: number;
    readonly preprocessing: Preprocessing;
    readonly numPhases: number;
    readonly cacheDir: string;
    readonly onNote: (note: string) => void;
  },
): Promise<PreparedModel> {
  const { numClasses, preprocessing, numPhases, cacheDir, onNote } = options;
  const { imageSize } = preprocessing;
  const { graph, numFeatures, isExact } = await openBackbone(spec, {
    ...{ imageSize, normalisation: preprocessing },
  });
  if (!isExact) {
    onNote(
      `The features of ${spec.onnx} differ in their last bits with the batch that an image is in, so that runs may not repeat to the bit.`,
    );
  }
  const sha256 = await new BlobStore(cacheDir).put(graph);
  const head = backboneHead(numFeatures, numClasses);
  return {
    ...{ architecture: name, width: 1, convention: 'onnx', numClasses, preprocessing },
    ...{ backboneSha256: sha256, weightsSha256: sha256, head, classifier: 'new' },
    ...headPhases({ head, backboneSha256: sha256 }, numPhases),
  };
}
