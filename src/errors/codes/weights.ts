import type { CatalogueEntry } from '../catalogue-entry.js';

/** Files of weights: their formats, and fetching them. */
export const weightsCodes = {
  FT_WEIGHTS_FORMAT: {
    exit: 3,
    summary: 'A file of weights is in no format that ftctl reads.',
    remedy:
      'Give a `.safetensors`, `.pth`, `.pt` or `.onnx` file, or the `model.json` of a tfjs model.',
  },
  FT_WEIGHTS_PICKLE: {
    exit: 3,
    summary:
      'A PyTorch file asks for more than tensors and dictionaries: to build it could execute code.',
    remedy:
      'If you trust the file, load it in Python and save its state dict alone: `torch.save(model.state_dict(), PATH)`.',
  },
  FT_WEIGHTS_PREPROCESSING: {
    exit: 3,
    summary: 'The run would normalise images in another way than the weights need.',
    remedy:
      'Set `data.normalise` to the values in the message. To use the weights with others all the same, import them with those: `ftctl weights import SOURCE --architecture NAME --mean R,G,B --std R,G,B`.',
  },
  FT_DOWNLOAD_FAILED: {
    exit: 3,
    summary: 'A file could not be downloaded.',
    remedy:
      'Check the address and the network and start again: what has arrived is kept. Or fetch the file elsewhere and name its path.',
  },
  FT_DOWNLOAD_INTEGRITY: {
    exit: 3,
    summary: 'A downloaded file is not the one that its hash says.',
    remedy:
      'Do not use it. If the pinned hash is wrong, correct it; else ask who publishes the file.',
  },
} as const satisfies Record<string, CatalogueEntry>;
