import type { CatalogueEntry } from '../catalogue-entry.js';

/** Networks, weights and the files made of them. */
export const modelCodes = {
  FT_MODEL_UNKNOWN: {
    exit: 2,
    summary: 'The configuration names an architecture that ftctl does not have.',
    remedy: 'Set `model.architecture` to one of the names in the message.',
  },
  FT_MODEL_WIDTH: {
    exit: 2,
    summary: 'The width multiplier cannot be used with this architecture.',
    remedy: 'Set `model.width` to 1, or choose mobilenet_v2.',
  },
  FT_MODEL_IMAGE_SIZE: {
    exit: 2,
    summary: 'The image size is too small for the network: a layer would have no output.',
    remedy: 'Raise `data.imageSize`.',
  },
  FT_MODEL_LAYER: {
    exit: 2,
    summary:
      'The network has no layer, module or parameter of that name, or none that can be chosen.',
    remedy: 'Look for the name in `ftctl models show NAME`.',
  },
  FT_BACKBONE_FILE: {
    exit: 3,
    summary: 'The ONNX file of `model.onnx` is not there, or onnxruntime cannot load it.',
    remedy: 'Check the path, and the file with `onnx.checker` in Python.',
  },
  FT_BACKBONE_INPUT: {
    exit: 3,
    summary: 'The network of `model.onnx` does not take the images of the run.',
    remedy: 'Export it with one float32 input [N, 3, H, W], N dynamic.',
  },
  FT_BACKBONE_OUTPUT: {
    exit: 3,
    summary:
      'The network of `model.onnx` has no output of that name, several, or one that is no features.',
    remedy: 'Set `model.output` to the name of a float32 output [N, F] or [N, C, H, W].',
  },
  FT_BACKBONE_RUN: {
    exit: 3,
    summary:
      'The network of `model.onnx` fails on images of noise, or gives values that cannot be used as features.',
    remedy: 'Export it in evaluation mode (`model.eval()`), with a dynamic batch.',
  },
  FT_MODEL_NO_STATE_DICT: {
    exit: 2,
    summary:
      'An ONNX backbone, or a network that pads as TensorFlow does, has no torchvision state dict.',
    remedy: 'Use model.onnx, which has the same numbers in every runtime.',
  },
  FT_WEIGHTS_SOURCE: {
    exit: 2,
    summary: 'The configuration names a source of weights that ftctl cannot read.',
    remedy:
      'Set `model.weights` to one of the sources in docs/weights.md: `pretrained`, `random`, a file, `https://...`, `npm:...` or `run:ID`.',
  },
  FT_WEIGHTS_NOT_FOUND: {
    exit: 3,
    summary: 'The file with the weights is not there or cannot be read.',
    remedy:
      'Check `model.weights`: a relative path counts from the configuration file, in `--set` from the current folder. docs/weights.md has all sources.',
  },
  FT_WEIGHTS_DAMAGED: {
    exit: 3,
    summary:
      'The file with the weights is not what its format says, or holds something else than the weights of a network.',
    remedy: 'Fetch or export the file again.',
  },
  FT_WEIGHTS_MISMATCH: {
    exit: 3,
    summary: 'The weights are of another network than the one configured.',
    remedy:
      'See what the file holds with `ftctl weights inspect FILE`. A network that ftctl does not have can be exported to ONNX and named as `model.onnx`.',
  },
  FT_BLOB_MISSING: {
    exit: 3,
    summary: 'A file of the cache that the run needs is not there.',
    remedy: 'Start the command again: what is missing is made anew.',
  },
  FT_BLOB_DAMAGED: {
    exit: 3,
    summary: 'A file of the cache does not have the contents that its name promises.',
    remedy: 'Start the command again: the damaged file was removed and is made anew.',
  },
  FT_ENGINE_MODEL: {
    exit: 3,
    summary: 'The compute engine cannot load a model file.',
    remedy:
      'Write the model again: `ftctl launch --resume RUN`; a file of the cache can be deleted.',
  },
  FT_ENGINE_FAILED: {
    exit: 5,
    summary: 'The compute engine failed while it computed.',
    remedy: 'Look for a lack of memory; lower `batch.size` or the number of workers.',
  },
  FT_ARTIFACTS_NOT_FOUND: {
    exit: 3,
    summary: 'The folder has no trained model.',
    remedy: 'Name a run that has finished, or its `model/` folder.',
  },
  FT_ARTIFACTS_DAMAGED: {
    exit: 3,
    summary: 'A file of a trained model cannot be used.',
    remedy: 'Write the model again: `ftctl launch --resume RUN`.',
  },
} as const satisfies Record<string, CatalogueEntry>;
