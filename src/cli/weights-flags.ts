import { Args, Flags } from '@oclif/core';

/** What the weights commands are about. */
export const weightsArg = Args.string({
  description:
    'A .safetensors, .pth, .pt or .onnx file, the model.json of a tfjs model, torchvision:NAME, https://..., or npm:NAME@VERSION#MODEL.',
  required: true,
});

export const integrityFlag = Flags.string({
  description:
    "The hash of what is fetched: a download's SHA-256 in hex, or the sha512- of a package.",
  helpValue: 'HASH',
});
