import { Args, Errors, Flags } from '@oclif/core';
import type { Rgb } from '../config/run-spec.js';

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

/** A number, as `1.4`. Which ones there are networks of is checked with the architecture. */
export const widthFlag = Flags.custom<number>({
  description: 'Width multiplier of a mobilenet_v2.',
  default: 1,
  helpValue: 'W',
  parse: async (text) => {
    if (isNumber(text)) return Promise.resolve(Number(text));
    throw expected('a number', text);
  },
});

/** Three numbers, as `0.5,0.5,0.5`. */
export const rgbFlag = Flags.custom<Rgb>({
  helpValue: 'R,G,B',
  parse: async (text) => {
    const parts = text.split(',');
    const [r, g, b, ...others] = parts.map(Number);
    const isValid = parts.every(isNumber) && others.length === 0;
    if (isValid && r !== undefined && g !== undefined && b !== undefined) {
      return Promise.resolve([r, g, b]);
    }
    throw expected('three numbers, for red, green and blue, as 0.485,0.456,0.406,', text);
  },
});

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text));
}

/** In the words of oclif's own flags; it puts the flag's name before them. */
function expected(what: string, text: string): Errors.CLIError {
  return new Errors.CLIError(`Expected ${what} but received: ${text}`);
}
