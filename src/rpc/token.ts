import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A new join token: 256 random bits, in characters that are safe in a header and an environment variable. */
export function createToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether two tokens are equal, in a time that tells nothing about where they differ, or how long they are. */
export function tokensEqual(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
