import type { TensorSet } from './tensor-set.js';

/**
 * Names of tensors as torchvision has them today, out of the forms in which training scripts and older versions of
 * PyTorch wrote them.
 */

/** Put before every name by DataParallel, torch.compile, and modules that keep the network in an attribute. */
const wrappers = ['module.', '_orig_mod.', 'model.'];
/** torch.optim.swa_utils.AveragedModel counts its models beside them. */
const averageCounter = 'n_averaged';

/**
 * torchvision's published densenets are of before PyTorch 0.4, when a name could have a dot: norm.1 is norm1 now
 * (torchvision/models/densenet.py `_load_state_dict` has the same pattern).
 */
const oldDensenet =
  /^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$/;

/** The tensors by today's names, in the same order, and what was changed, in words. */
export function torchvisionNames(given: TensorSet): {
  readonly tensors: TensorSet;
  /** The names in `given`, by those in `tensors`. */
  readonly oldNames: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
} {
  const notes: string[] = [];
  let names = [...given.keys()].map((old) => ({ old, today: old }));
  for (;;) {
    const networks = names.filter(({ today }) => today !== averageCounter);
    const wrapper = wrappers.find(
      (prefix) => networks.length > 0 && networks.every(({ today }) => today.startsWith(prefix)),
    );
    if (wrapper === undefined) break;
    names = networks.map(({ old, today }) => ({ old, today: today.slice(wrapper.length) }));
    notes.push(`${wrapper} was taken off the names.`);
  }
  const today = names.map((name) => name.today.replace(oldDensenet, '$1$2'));
  if (today.some((name, i) => name !== names[i]!.today) && new Set(today).size === names.length) {
    names = names.map(({ old }, i) => ({ old, today: today[i]! }));
    notes.push('The names are those of old densenets (norm.1) and were read as norm1.');
  }
  return {
    tensors: new Map(names.map((name) => [name.today, given.get(name.old)!])),
    oldNames: new Map(names.map((name) => [name.today, name.old])),
    notes,
  };
}
