import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

/** Small pictures whose class can be learnt: one hue a class, one shape and place a sample. Real PNG files. */
export async function makeImageFolder(
  root: string,
  { numClasses, perClass, side = 40 }: { numClasses: number; perClass: number; side?: number },
): Promise<void> {
  for (let label = 0; label < numClasses; label++) {
    const folder = join(root, `class-${label}`);
    await mkdir(folder, { recursive: true });
    for (let index = 0; index < perClass; index++) {
      await sharp(Buffer.from(picture(label, numClasses, index, side)))
        .png()
        .toFile(join(folder, `${String(index).padStart(3, '0')}.png`));
    }
  }
}

function picture(label: number, numClasses: number, index: number, side: number): string {
  const hue = (360 * label) / numClasses + ((index * 7) % 20) - 10;
  const radius = side * (0.2 + 0.02 * (index % 10));
  const x = side * (0.3 + 0.04 * (index % 11));
  const y = side * (0.3 + 0.05 * (index % 9));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">
    <rect width="100%" height="100%" fill="hsl(${(hue + 180) % 360}, 30%, 80%)"/>
    <circle cx="${x}" cy="${y}" r="${radius}" fill="hsl(${hue}, 80%, 45%)"/>
  </svg>`;
}
