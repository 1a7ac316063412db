import { readFileSync, rmSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../../src/cli/exit-codes.js';
import { failureJson, failureLines, withStackKept } from '../../../src/cli/failure.js';
import { catalogue, FtctlError } from '../../../src/errors/index.js';

const about = { argv: ['launch', '--json'], now: new Date(0) };

describe('a failure for people', () => {
  it('has everything in its first line, then the remedy', () => {
    const error = new FtctlError('FT_DISK_FULL', {
      what: 'The disk of /runs is full.',
      rank: 2,
      phase: 'features',
      details: { runDir: 'runs/a', resumable: true },
    });
    expect(failureLines(error)).toEqual([
      'error FT_DISK_FULL: The disk of /runs is full. (rank 2, phase features)',
      '  remedy: Free some space and continue with `ftctl launch --resume RUN`.',
      '  run: runs/a (go on from its last checkpoint: ftctl launch --resume runs/a)',
    ]);
  });

  it.each(['start', 'starting', 'prepare', 'train', 'wait', 'membership'])(
    'does not say that it was in phase %s, which tells nobody anything',
    (phase) => {
      const error = new FtctlError('FT_USAGE', { what: 'w.', remedy: 'r.', phase });
      expect(failureLines(error)[0]).toBe('error FT_USAGE: w.');
      expect(failureJson(error).error.phase).toBe(phase);
    },
  );

  it('says where it was before the colon of a list', () => {
    const place = { rank: 1, phase: 'features' };
    const error = new FtctlError('FT_DATA_BAD_FILES', { what: 'Bad:\n  a.png', ...place });
    expect(failureLines(error).slice(0, 2)).toEqual([
      'error FT_DATA_BAD_FILES: Bad (rank 1, phase features):',
      '  a.png',
    ]);
  });

  it('names commands as ftctl was started', () => {
    const problem = { code: 'FT_USAGE', message: 'm', remedy: 'See `ftctl --help`.' };
    const error = new FtctlError('FT_DISK_FULL', {
      what: 'w.',
      details: { runDir: 'runs/a', resumable: true, problems: [problem, problem] },
    });
    expect(failureLines(error, 'npx ftctl')).toEqual([
      'error FT_DISK_FULL: w.',
      '  remedy: Free some space and continue with `npx ftctl launch --resume RUN`.',
      'also FT_USAGE: m',
      '  remedy: See `npx ftctl --help`.',
      '  run: runs/a (go on from its last checkpoint: npx ftctl launch --resume runs/a)',
    ]);
  });

  it.each(['FT_RUN_IN_USE', 'FT_RESUME_MISMATCH', 'FT_CHECKPOINT_DAMAGED'] as const)(
    'does not advise what %s has just refused',
    (code) => {
      const details = { runDir: 'runs/a', resumable: true };
      const error = new FtctlError(code, { what: 'w.', remedy: 'r.', details });
      expect(failureLines(error)).toEqual([`error ${code}: w.`, '  remedy: r.', '  run: runs/a']);
    },
  );

  it('keeps the lines of a list, and names the other faults of a configuration', () => {
    const error = new FtctlError('FT_CONFIG_UNKNOWN_KEY', {
      what: 'first:\n  a.png\n  b.png',
      remedy: 'Look.',
      details: {
        problems: [
          { code: 'FT_CONFIG_UNKNOWN_KEY', path: 'a', message: 'first' },
          { code: 'FT_CONFIG_INVALID_VALUE', path: 'b', message: 'second' },
          { code: 'FT_CONFIG_CONFLICT', path: 'c', message: 'third', remedy: 'Remove c.' },
        ],
      },
    });
    expect(failureLines(error)).toEqual([
      'error FT_CONFIG_UNKNOWN_KEY: first:',
      '  a.png',
      '  b.png',
      '  remedy: Look.',
      'also FT_CONFIG_INVALID_VALUE: second',
      'also FT_CONFIG_CONFLICT: third',
      '  remedy: Remove c.',
    ]);
  });
});

describe('a failure as JSON', () => {
  it('has the same keys whether they apply or not', () => {
    expect(failureJson(new FtctlError('FT_USAGE', { what: 'w.', remedy: 'r.' }))).toEqual({
      status: 'failed',
      error: { code: 'FT_USAGE', message: 'w.', remedy: 'r.', rank: null, phase: null },
      runDir: null,
      resumable: false,
    });
    expect(
      failureJson(
        new FtctlError('FT_DISK_FULL', {
          what: 'w.',
          remedy: 'r.',
          rank: 0,
          phase: 'update',
          details: { runDir: '/r', resumable: true, freeBytes: 3 },
        }),
      ),
    ).toEqual({
      status: 'failed',
      error: {
        code: 'FT_DISK_FULL',
        message: 'w.',
        remedy: 'r.',
        rank: 0,
        phase: 'update',
        details: { freeBytes: 3 },
      },
      runDir: '/r',
      resumable: true,
    });
  });
});

describe('a failure that nobody expected', () => {
  it('is one line, with its stack in a file that only the user can read', () => {
    const thrown = new TypeError('x is not a function\nat all');
    const error = withStackKept(thrown, about);
    const path = /The stack is in (\S+)\.$/.exec(error.remedy)?.[1] ?? '';
    try {
      expect(error.code).toBe('FT_INTERNAL');
      expect(error.exitCode).toBe(1);
      expect(error.message).toBe('Unexpected failure: x is not a function');
      const report = readFileSync(path, 'utf8');
      expect(report).toContain('failure.test.ts'); // the stack
      expect(report).toContain('["launch","--json"]');
      expect(statSync(path).mode & 0o777).toBe(0o600);
    } finally {
      rmSync(path, { force: true });
    }
  });

  it('is told even where the stack cannot be kept', () => {
    const first = withStackKept(new Error('a'), about);
    const second = withStackKept(new Error('b'), about); // the same time and process: the file is there
    rmSync(/The stack is in (\S+)\.$/.exec(first.remedy)?.[1] ?? '', { force: true });
    expect(second.remedy).toMatch(/^Please report this\. The stack could not be kept \(EEXIST/);
  });

  it('leaves other errors as they are', () => {
    const error = new FtctlError('FT_USAGE', { what: 'w.' });
    expect(withStackKept(error, about)).toBe(error);
  });
});

describe('the table of exit codes', () => {
  it('has each exit code of the catalogue, and 0', () => {
    const used = new Set<number>([0, ...Object.values(catalogue).map(({ exit }) => exit)]);
    expect(exitCodes.map(({ code }) => code)).toEqual([...used].sort((a, b) => a - b));
  });
});
