import { describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { decodeManifest, encodeManifest, manifestHash } from '../../../src/data/manifest-json.js';
import { testManifest } from './make-test-manifest.js';

function manifest(): ReturnType<typeof testManifest> {
  const content = testManifest({ train: [3, 2], val: [1, 1] });
  const skipped = [{ path: 'bad.png', reason: 'the file is empty' }];
  return { ...content, skipped, hash: manifestHash(content) };
}

describe('the manifest as JSON', () => {
  it('comes back as it was', () => {
    expect(decodeManifest(encodeManifest(manifest()))).toEqual(manifest());
  });

  it.each([
    ['a label', (text: string) => text.replace(',0,"train"', ',1,"train"')],
    ['a split', (text: string) => text.replace('"val"', '"test"')],
    ['a class name', (text: string) => text.replace('class-1', 'class-9')],
    ['a class id', (text: string) => text.replace('"1"', '"9"')],
    ['the hash', (text: string) => text.replace(/"hash":"./, '"hash":"x')],
  ])('is refused when %s has changed', (_, damage) => {
    const text = encodeManifest(manifest());
    const damaged = damage(text);
    expect(damaged).not.toBe(text);
    expect(() => decodeManifest(damaged)).toThrow(/^The stored manifest has hash .{64}, and says /);
  });

  it('is refused with a code when it is cut off', () => {
    const cut = encodeManifest(manifest()).slice(0, 200);
    expect(() => decodeManifest(cut)).toThrow(
      new FtctlError('FT_DATA_MANIFEST', { what: 'The stored manifest cannot be read.' }),
    );
  });
});
