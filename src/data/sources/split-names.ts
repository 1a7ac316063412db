import type { SplitName } from '../manifest.js';

/** What folders and manifests may call a split. */
const splitNames: Readonly<Record<string, SplitName>> = {
  train: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  test: 'test',
};

export const allowedSplitNames = Object.keys(splitNames).join(', ');

/** The split that `name` stands for; undefined: none. */
export function splitOf(name: string): SplitName | undefined {
  return Object.hasOwn(splitNames, name) ? splitNames[name] : undefined;
}
