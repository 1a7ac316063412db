import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** What the bytes of a file must hash to. */
export interface ExpectedDigest {
  readonly algorithm: 'sha256' | 'sha512';
  /** Lower-case hex: the whole hash, or its first digits where a publisher names no more. */
  readonly hex: string;
}

const integrityPattern = /^(sha256|sha512)-([A-Za-z0-9+/]+={0,2})$/;
const hexLengths = { sha256: 64, sha512: 128 } as const;

/** Reads `sha256-BASE64`, `sha512-BASE64` (as package managers write) or 64 hex digits (as sha256sum prints); else null. */
export function parseIntegrity(text: string): ExpectedDigest | null {
  if (/^[0-9a-f]{64}$/i.test(text)) return { algorithm: 'sha256', hex: text.toLowerCase() };
  const [, algorithm, base64] = integrityPattern.exec(text) ?? [];
  if ((algorithm !== 'sha256' && algorithm !== 'sha512') || base64 === undefined) return null;
  const hex = Buffer.from(base64, 'base64').toString('hex');
  return hex.length === hexLengths[algorithm] ? { algorithm, hex } : null;
}

/** A file's hash, lower-case hex; an open one is read from its start. Rejects as reading does, or with the signal's reason. */
export async function fileDigest(
  file: string | FileHandle,
  algorithm: ExpectedDigest['algorithm'],
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm);
  const content =
    typeof file === 'string'
      ? createReadStream(file)
      : file.createReadStream({ start: 0, autoClose: false });
  await pipeline(content, hash, signal === undefined ? {} : { signal });
  return hash.digest('hex');
}
