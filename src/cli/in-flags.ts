import { FtctlError } from '../errors/index.js';

/** Remedies of commands that have no configuration, by code: where the catalogue's speaks of one. */
const remedies: Partial<Record<FtctlError['code'], string>> = {
  FT_MODEL_UNKNOWN: 'Give one of the names in the message.',
  FT_MODEL_WIDTH: 'Set `--width` to 1, or choose mobilenet_v2.',
  FT_MODEL_IMAGE_SIZE: 'Raise `--image-size`.',
  FT_WEIGHTS_NOT_FOUND: 'Check the path: a relative one counts from the current folder.',
  FT_WEIGHTS_SOURCE:
    'Name one of the sources in docs/weights.md: a file, `torchvision:NAME`, `https://...` or `npm:...`.',
};

/** What is said of keys of a configuration, as flags; `model.onnx`, which is no flag, stays. */
function flagsIn(text: string): string {
  return text
    .replace(/^model\.weights is /, 'WEIGHTS is ')
    .replace(/^model\.(architecture|width) is /, '--$1 is ')
    .replace(/^Set `data\.normalise`:/, 'Give `--mean` and `--std`:')
    .replaceAll(/`model\.(architecture|width|integrity)` to /g, '`--$1` to ')
    .replace('Take it out of `except`.', 'Leave out that `--except`.')
    .replaceAll(/\bneeds model\.integrity\b/g, 'needs --integrity');
}

/** An error that speaks of keys of a configuration, for a command that has flags in their place. Pure. */
export function inFlags(thrown: unknown): unknown {
  if (!(thrown instanceof FtctlError)) return thrown;
  const { code, message, remedy, cause, details } = thrown;
  const isGeneral = new FtctlError(code, { what: '' }).remedy === remedy;
  return new FtctlError(code, {
    what: flagsIn(message),
    remedy: (isGeneral ? remedies[code] : undefined) ?? flagsIn(remedy),
    cause,
    ...(details === undefined ? {} : { details }),
  });
}

/** Does work at once; what it throws speaks of flags. */
export function withFlags<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw inFlags(error);
  }
}
