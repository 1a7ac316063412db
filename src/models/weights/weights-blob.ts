import { z } from 'zod';
import { FtctlError } from '../../errors/index.js';
import { canDescribe, type NetworkSpec } from '../registry.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';
import type { TensorSet } from './tensor-set.js';

/**
 * Pretrained tensors as the cache keeps them: safetensors whose metadata say which network they belong to, so that
 * the network can be described again from the file alone.
 */

/** The pretrained tensors serve any number of classes. */
export type BackboneSpec = Omit<NetworkSpec, 'numClasses'>;

const specKey = 'ftctl.network';

/** One of each of an image's channels. */
const channels = z.tuple([z.number(), z.number(), z.number()]);
const specSchema = z.strictObject({
  architecture: z.string(),
  width: z.number(),
  convention: z.enum(['torchvision', 'tensorflow']),
  batchNorm: z.enum(['separate', 'folded']),
  inputAffine: z.strictObject({ scale: channels, shift: channels }).nullable(),
});

/** `metadata` are further entries. */
export function encodeWeightsBlob(
  spec: BackboneSpec,
  tensors: TensorSet,
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  const { architecture, width, convention, batchNorm, inputAffine } = spec;
  const json = JSON.stringify({ architecture, width, convention, batchNorm, inputAffine });
  return encodeSafetensors(tensors, { ...metadata, [specKey]: json });
}

/** The network that a file's metadata name; null: none, or none that there is. */
export function specOfMetadata(metadata: ReadonlyMap<string, string>): BackboneSpec | null {
  try {
    const spec = specSchema.parse(JSON.parse(metadata.get(specKey) ?? ''));
    return canDescribe({ ...spec, numClasses: 1 }) ? spec : null;
  } catch {
    return null; // Of another program, or of another version of this one.
  }
}

/** Throws FT_WEIGHTS_DAMAGED; `label` names the file. */
export function decodeWeightsBlob(
  bytes: Uint8Array,
  label: string,
): { spec: BackboneSpec; tensors: TensorSet } {
  const { tensors, metadata } = decodeSafetensors(bytes, label);
  const spec = specOfMetadata(metadata);
  if (spec !== null) return { spec, tensors };
  throw new FtctlError('FT_WEIGHTS_DAMAGED', {
    what: `${label} does not say which network its tensors belong to.`,
    why: `Its metadata have no valid entry ${specKey}.`,
    details: { file: label },
  });
}
