import { resolve } from 'node:path';
import sharp, { type OverlayOptions } from 'sharp';
import type { DataSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { renderView, viewParameters } from './augment.js';
import { decodeImage } from './decode.js';
import type { SplitName } from './manifest.js';
import { viewInEpoch } from './plan.js';
import { plainView, type Preprocessing } from './preprocessing.js';
import { decodeSideOf, workingSide } from './working-side.js';

/** One row of a sheet. */
export interface SheetSample {
  /** As the run's manifest has it. */
  readonly id: string;
  readonly path: string;
  readonly className: string;
  readonly split: SplitName;
}

export interface SheetOptions {
  readonly root: string;
  readonly augment: DataSpec['augment'];
  readonly seed: number;
  readonly preprocessing: Preprocessing;
  /** As `data.views`: how many distinct views a run cycles through; null: a fresh one each epoch. */
  readonly views: number | null;
  /** Views of each sample beside the plain one: those of so many first epochs. */
  readonly numViews: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Sheet {
  readonly png: Buffer;
  readonly width: number;
  readonly height: number;
  /** Whether there was a font to write the labels with. */
  readonly hasLabels: boolean;
  /** Rows whose file could not be decoded, and why. */
  readonly bad: readonly { readonly path: string; readonly reason: string }[];
}

/** Pixels between cells, and around the sheet. */
const gap = 6;
const labelWidth = 170;
const headerHeight = 22;
/** Grey, so that the edges of white images are seen. */
const paper = { r: 224, g: 224, b: 224 };
const ink = '#202020';
/** Smaller views are enlarged so that they can be seen, larger ones shrunk. */
const cellRange = [96, 224] as const;

/**
 * Draws a contact sheet: a row for each sample, its plain view first, as evaluation sees it, then the views that training
 * sees in the first epochs, repeated where a run repeats them. Views are undone from their normalisation, so colors are those of the images.
 */
export async function drawContactSheet(
  samples: readonly SheetSample[],
  options: SheetOptions,
): Promise<Sheet> {
  const { imageSize } = options.preprocessing;
  const cell = Math.max(cellRange[0], Math.min(cellRange[1], imageSize));
  const columns = options.numViews + 1;
  const width = gap + labelWidth + columns * (cell + gap);
  const height = headerHeight + samples.length * (cell + gap) + gap;
  const hasLabels = await hasFont();
  const layers: OverlayOptions[] = [];
  const bad: { path: string; reason: string }[] = [];
  const left = (column: number): number => gap + labelWidth + column * (cell + gap);

  if (hasLabels) {
    for (let column = 0; column < columns; column += 1) {
      const title = column === 0 ? 'plain' : `epoch ${column}`;
      const input = await textImage([escapeMarkup(title)], cell, headerHeight);
      layers.push({ input, left: left(column), top: 4 });
    }
  }
  for (const [row, sample] of samples.entries()) {
    options.signal?.throwIfAborted();
    const top = headerHeight + row * (cell + gap);
    const views = await viewsOf(sample, options).catch((error: unknown) => {
      if (!(error instanceof FtctlError) || error.code !== 'FT_DATA_BAD_FILE') throw error;
      const reason = String(error.details?.['reason']);
      bad.push({ path: sample.path, reason });
      return reason;
    });
    if (hasLabels) {
      const lines = labelLines(sample, typeof views === 'string' ? views : null);
      layers.push({ input: await textImage(lines, labelWidth - gap, cell), left: gap, top });
    }
    if (typeof views === 'string') continue;
    for (const [column, pixels] of views.entries()) {
      const raw = { width: imageSize, height: imageSize, channels: 3 } as const;
      const input = await sharp(pixels, { raw })
        .resize(cell, cell, { kernel: imageSize < cell ? 'nearest' : 'lanczos3' })
        .png()
        .toBuffer();
      layers.push({ input, left: left(column), top });
    }
  }
  const png = await sharp({ create: { width, height, channels: 3, background: paper } })
    .composite(layers)
    .removeAlpha()
    .png()
    .toBuffer();
  options.signal?.throwIfAborted();
  return { png, width, height, hasLabels, bad };
}

/** RGB bytes of the plain view and the first training views. */
async function viewsOf(
  sample: SheetSample,
  { root, augment, seed, preprocessing, views, numViews }: SheetOptions,
): Promise<Buffer[]> {
  const { background } = preprocessing;
  const file = resolve(root, sample.path);
  const training = workingSide(preprocessing.imageSize, augment);
  const decode = (view: number): ReturnType<typeof decodeImage> =>
    decodeImage(file, { workingSide: decodeSideOf(view, training, preprocessing), background });
  const [plain, trained] = [await decode(plainView), await decode(0)];
  const viewOf = viewInEpoch(views, seed, sample.id);
  return Array.from({ length: numViews + 1 }, (_, column) => {
    const view = column === 0 ? plainView : viewOf(column - 1);
    const parameters = viewParameters(augment, seed, sample.id, view);
    const image = view === plainView ? plain : trained;
    const values_CHW = new Float32Array(3 * preprocessing.imageSize ** 2);
    renderView(image, parameters, preprocessing, values_CHW, 0);
    return toBytes(values_CHW, preprocessing);
  });
}

/** Back from the network's input: pixel = 255 (value * std + mean), CHW to HWC. */
function toBytes(values_CHW: Float32Array, { mean, std }: Preprocessing): Buffer {
  const plane = values_CHW.length / 3;
  const pixels_HWC = Buffer.alloc(values_CHW.length);
  for (let c = 0; c < 3; c += 1) {
    for (let i = 0; i < plane; i += 1) {
      const value = 255 * (values_CHW[c * plane + i]! * std[c]! + mean[c]!);
      pixels_HWC[3 * i + c] = Math.max(0, Math.min(255, Math.round(value)));
    }
  }
  return pixels_HWC;
}

function labelLines({ className, split, path }: SheetSample, reason: string | null): string[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return [
    `<b>${escapeMarkup(className)}</b>`,
    `<small>${split}</small>`,
    `<small>${escapeMarkup(name)}</small>`,
    ...(reason === null
      ? []
      : [`<small><span foreground="#b00020">${escapeMarkup(reason)}</span></small>`]),
  ];
}

/** Pango markup, wrapped at any character, cut to the height. */
async function textImage(lines: readonly string[], width: number, height: number): Promise<Buffer> {
  const text = `<span foreground="${ink}">${lines.join('\n')}</span>`;
  const drawn = await sharp({
    text: { text, font: 'sans 10', width, wrap: 'word-char', rgba: true, dpi: 96 },
  })
    .png()
    .toBuffer();
  const { width: drawnWidth, height: drawnHeight } = await sharp(drawn).metadata();
  return await sharp(drawn)
    .extract({
      left: 0,
      top: 0,
      width: Math.min(drawnWidth, width),
      height: Math.min(drawnHeight, height),
    })
    .png()
    .toBuffer();
}

/** Slim containers have no fonts: then letters come out empty, or all as the same box. */
async function hasFont(): Promise<boolean> {
  const draw = async (letter: string): Promise<Buffer> =>
    await sharp({ text: { text: letter, font: 'sans 10', rgba: true } })
      .raw()
      .toBuffer();
  try {
    const [narrow, wide] = [await draw('i'), await draw('W')];
    return !narrow.equals(wide) && wide.some((value) => value > 0);
  } catch {
    return false;
  }
}

/** Also without the control characters that markup may not have. */
function escapeMarkup(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
