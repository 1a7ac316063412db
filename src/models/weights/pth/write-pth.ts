import { PickleWriter } from '../pickle/pickle-writer.js';
import type { TensorSet } from '../tensor-set.js';
import { writeZip, type ZipInput } from '../zip/zip-writer.js';

/** As torch.save aligns storages; what is mapped into memory can be used in place. */
const alignment = 64;
const folder = 'archive';

function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= Math.max(1, shape[axis]!);
  }
  return strides;
}

/** An OrderedDict of tensors, each with a storage of its own whose key is its number. */
function pickleOf(tensors: TensorSet): Buffer {
  const pickle = new PickleWriter();
  pickle.global('collections', 'OrderedDict').emptyTuple().reduce().mark();
  let key = 0;
  for (const [name, { shape, data }] of tensors) {
    const storageClass = data instanceof Float32Array ? 'FloatStorage' : 'LongStorage';
    pickle.text(name);
    pickle.global('torch._utils', '_rebuild_tensor_v2').mark();
    pickle.mark().text('storage').global('torch', storageClass);
    pickle.text(String(key++)).text('cpu').count(data.length).tuple().persistentId();
    pickle.count(0).counts(shape).counts(rowMajorStrides(shape));
    // requires_grad, and no hooks.
    pickle.false().global('collections', 'OrderedDict').emptyTuple().reduce();
    pickle.tuple().reduce();
  }
  return pickle.setItems().end();
}

/**
 * Writes tensors as `torch.save(state_dict)` does since PyTorch 1.6, so that `torch.load(path, weights_only=True)` gives an OrderedDict of
 * them in their order: float32 or int64, on the CPU. The same input gives the same bytes. Throws RangeError above 4 GiB.
 */
export function encodePth(tensors: TensorSet): Uint8Array {
  const file = (name: string, bytes: Uint8Array | string): ZipInput => ({
    name: `${folder}/${name}`,
    bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
  });
  const storages = [...tensors.values()].map(({ data }, key) =>
    file(`data/${key}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
  return writeZip(
    [
      file('data.pkl', pickleOf(tensors)),
      file('.format_version', '1'),
      file('.storage_alignment', String(alignment)),
      file('byteorder', 'little'),
      ...storages,
      file('version', '3\n'),
    ],
    alignment,
  );
}
