import { Args, Flags } from '@oclif/core';
import type { Rgb } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';

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
  parse: (text) => Promise.resolve(readNumber(text, 'width')),
});

/** Three numbers, as `0.5,0.5,0.5`. */
export const rgbFlag = Flags.custom<Rgb, { flag: string }>({
  helpValue: 'R,G,B',
  parse: (text, _context, { flag }) => Promise.resolve(readRgb(text, flag)),
});

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text));
}

function readNumber(text: string, flag: string): number {
  if (isNumber(text)) return Number(text);
  throw new FtctlError('FT_USAGE', { what: `--${flag} is ${text}.`, why: 'It is a number.' });
}

function readRgb(text: string, flag: string): Rgb {
  const parts = text.split(',');
  const [r, g, b, ...others] = parts.map(Number);
  const isValid = parts.every(isNumber);
  if (!isValid || r === undefined || g === undefined || b === undefined || others.length > 0) {
    throw new FtctlError('FT_USAGE', {
      what: `--${flag} is ${text}.`,
      why: 'It is three numbers, for red, green and blue: 0.485,0.456,0.406.',
    });
  }
  return [r, g, b];
}
