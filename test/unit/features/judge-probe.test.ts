import { describe, expect, it } from 'vitest';
import { judgeProbe, probeDamaged } from '../../../src/features/cache-folder.js';

const end = { message: 'Command failed' };

describe('judgeProbe', () => {
  it.each(['SIGSEGV', 'SIGBUS', 'SIGABRT'] as const)('takes %s for damage', (signal) => {
    expect(judgeProbe({ ...end, signal }, '', false)).toEqual({
      state: 'damaged',
      reason: `reading it ends in ${signal}`,
    });
  });

  it('does not take a crash on a full disk for damage', () => {
    expect(judgeProbe({ ...end, signal: 'SIGBUS' }, '', true)).toEqual({
      state: 'unusable',
      reason: 'no space is left on the disk',
    });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('does not take %s for damage', (signal) => {
    expect(judgeProbe({ ...end, signal }, '', false)).toEqual({
      state: 'unusable',
      reason: `its check was ended by ${signal}`,
    });
  });

  it('does not take a probe that hangs for damage', () => {
    expect(judgeProbe({ ...end, killed: true, signal: 'SIGKILL' }, '', false)).toEqual({
      state: 'unusable',
      reason: 'opening it took over 60 s',
    });
  });

  it('believes the exit code and the reason that the probe gives', () => {
    expect(judgeProbe({ ...end, code: probeDamaged }, 'keys out of order', false)).toEqual({
      state: 'damaged',
      reason: 'keys out of order',
    });
    expect(judgeProbe({ ...end, code: 1 }, 'Permission denied', false)).toEqual({
      state: 'unusable',
      reason: 'Permission denied',
    });
    expect(judgeProbe({ ...end, code: 'ENOENT' }, '', false)).toEqual({
      state: 'unusable',
      reason: 'Command failed',
    });
  });
});
