import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

/** Something like noise, the same everywhere. */
const noise = (i: number): number => (Math.imul(i + 1, 0x9e3779b1) >>> 16) & 255;

/** Writes `numImages` images as `folder/class/number.png`, and gives the folder. How long a step takes does not depend on what they show. */
export async function noiseImages(
  folder: string,
  { numImages, numClasses, side }: { numImages: number; numClasses: number; side: number },
): Promise<string> {
  for (let image = 0; image < numImages; image++) {
    const label = image % numClasses;
    const classFolder = join(folder, `class-${String(label).padStart(2, '0')}`);
    mkdirSync(classFolder, { recursive: true });
    // Lighter for each class, so that there is something to learn.
    const pixels = Uint8Array.from(
      { length: side * side * 3 },
      (_, i) => (noise(image * 7919 + i) >> 1) + Math.floor((127 * label) / numClasses),
    );
    await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toFile(join(classFolder, `${image}.png`));
  }
  return folder;
}
