import { describe, expect, it } from 'vitest';
import { createToken, tokensEqual } from '../../../src/rpc/token.js';

describe('a join token', () => {
  it('is 256 random bits in header-safe characters', () => {
    const tokens = new Set(Array.from({ length: 100 }, createToken));
    expect(tokens.size).toBe(100);
    for (const token of tokens) expect(token).toMatch(/^[\w-]{43}$/);
  });

  it('is equal to itself alone, whatever the lengths', () => {
    const token = createToken();
    expect(tokensEqual(token, token)).toBe(true);
    expect(tokensEqual(token, `${token} `)).toBe(false);
    expect(tokensEqual(token, token.slice(1))).toBe(false);
    expect(tokensEqual(token, '')).toBe(false);
  });
});
