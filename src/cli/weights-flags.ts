import { Args, Errors, Flags } from '@oclif/core';
import type { Rgb } from '../config/run-spec.js';

/** What the weights commands are about. */
export const weightsArg = Args.string({
  description:
    'A safetensors, PyTorch or ONNX file, whatever its ending, the model.json of a tfjs model, torchvision:NAME, https://..., or npm:NAME@VERSION#MODEL.',
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

/** Three numbers, as `0.5,0.5,0.5`, each of a range that `unfit` has words for. */
function rgbFlag(unfit: { readonly isFit: (value: number) => boolean; readonly what: string }) {
  return Flags.custom<Rgb>({
    helpValue: 'R,G,B',
    parse: async (text) => {
      const parts = text.split(',');
      const [r, g, b, ...others] = parts.map(Number);
      const isValid = parts.every(isNumber) && others.length === 0;
      if (!isValid || r === undefined || g === undefined || b === undefined) {
        throw expected('three numbers, for red, green and blue, as 0.485,0.456,0.406,', text);
      }
      if (![r, g, b].every(unfit.isFit)) throw expected(unfit.what, text);
      return Promise.resolve([r, g, b]);
    },
  });
}

const ofBytes = 'they are of pixels / 255 (divide those of pixels from 0 to 255 by 255)';

/** Pixels / 255 are from 0 to 1, and so is their mean. */
export const meanFlag = rgbFlag({
  isFit: (value) => value >= 0 && value <= 1,
  what: `three numbers from 0 to 1: ${ofBytes};`,
});

/** Of numbers from 0 to 1 it is 0.5 at most; 1 leaves them as they are. 1 / 255 makes pixels from 0 to 255 of them. */
export const stdFlag = rgbFlag({
  isFit: (value) => value > 0 && value <= 1,
  what: `three numbers over 0 and at most 1: ${ofBytes};`,
});

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text));
}

/** In the words of oclif's own flags; it puts the flag's name before them. */
function expected(what: string, text: string): Errors.CLIError {
  return new Errors.CLIError(`Expected ${what} but received: ${text}`);
}
