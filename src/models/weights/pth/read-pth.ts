import { MemoryBudget } from '../memory-budget.js';
import type { StoredTensor } from '../tensor-set.js';
import { findStateDict } from './find-state-dict.js';
import { isLegacyFile, readLegacyFile } from './legacy-file.js';
import { readTensor, bytesInMemory } from './read-tensor.js';
import { readZipFile } from './zip-file.js';

export interface PthFile {
  readonly format: 'pth' | 'pth-legacy';
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The elements' types as they were stored, by name. */
  readonly types: ReadonlyMap<string, string>;
  /** What was passed over, in words. */
  readonly notes: readonly string[];
}

/** Whether bytes begin as those of a file of torch.save do (or of another zip archive). */
export function isPth(bytes: Uint8Array): boolean {
  return isLegacyFile(bytes) || (bytes[0] === 0x50 && bytes[1] === 0x4b);
}

/** Names for a message, shortened. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 6).join(', ');
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown;
}

/**
 * The state dict in a file that torch.save wrote, in either of its formats. Executes nothing of the file. Throws FormatError,
 * or RefusedGlobalError for a pickle that asks for more than tensors.
 */
export function readPth(bytes: Uint8Array): PthFile {
  const budget = new MemoryBudget(bytes.length);
  const pickled = isLegacyFile(bytes) ? readLegacyFile(bytes) : readZipFile(bytes, budget);
  const found = findStateDict(pickled.value);
  const tensors = new Map<string, StoredTensor>();
  const types = new Map<string, string>();
  for (const [name, tensor] of found.tensors) {
    // A view with stride 0 would otherwise make gigabytes out of nothing.
    budget.charge(bytesInMemory(name, tensor), `its tensors up to ${name}`);
    tensors.set(name, readTensor(name, tensor, pickled.storageBytes(tensor.storage)));
    types.set(name, tensor.type);
  }
  const notes: string[] = [];
  if (found.path.length > 0) notes.push(`The state dict was read from ${found.path.join('.')}.`);
  if (found.ignored.length > 0) notes.push(`Not looked at: ${listed(found.ignored)}.`);
  return { format: pickled.format, tensors, types, notes };
}
