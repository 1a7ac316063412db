import { describe, expect, it } from 'vitest';
import { differsError, runLine, verifyLines } from '../../../src/cli/verify-report.js';
import type { Verification, VerifiedRun } from '../../../src/launch/verify/verify.js';

const dir = '/home/me/runs/verify-smoke-20250131T142233Z';
const run = (workers: number, digest: string, wallSeconds: number): VerifiedRun => {
  const runId = `smoke-${workers}-${workers === 1 ? 'worker' : 'workers'}-20250131T142233Z-k3f9`;
  return {
    ...{ runId, runDir: `${dir}/${runId}`, workers, wallSeconds, steps: 1200, epochs: 25 },
    digest: digest.repeat(16),
  };
};
const equal: Verification = {
  ...{ equal: true, dir, difference: null },
  runs: [run(1, '4f2a', 26.2), run(2, '4f2a', 18), run(3, '4f2a', 125)],
};
const value = (text: string, bits: string) => ({ text, bits });
const different: Verification = {
  ...{ equal: false, dir },
  runs: [run(1, '4f2a', 26.2), run(2, '4f2a', 18), run(3, '90b1', 22)],
  difference: {
    workers: [1, 3],
    round: {
      ...{ round: 53, kind: 'step', phase: 0, epoch: 1, step: 3, split: 'train' },
      hashes: ['aa', 'bb'],
    },
    state: {
      ...{ vector: 'parameters', name: 'classifier.1.weight', index: [3, 17] },
      values: [value('0.12345678', '3dfcd6e9'), value('0.12345679', '3dfcd6ea')],
      ...{ file: 'checkpoints/epoch-0002-round-000098.ckpt', rounds: [98, 98] },
    },
  },
};
const shown = (found: Verification, columns = Infinity) =>
  verifyLines(found, { cwd: '/home/me', columns });

describe('what a verification prints', () => {
  it('is a line for each run', () => {
    expect(equal.runs.map(runLine)).toEqual([
      '1 worker: digest 4f2a4f2a4f2a..., 26 s',
      '2 workers: digest 4f2a4f2a4f2a..., 18 s',
      '3 workers: digest 4f2a4f2a4f2a..., 2m 05s',
    ]);
  });

  it('is a table of the runs, their digest, and where they are', () => {
    expect(shown(equal)).toEqual([
      'WORKERS  DIGEST        EQUAL  STEPS  TOOK    RUN',
      '1        4f2a4f2a4f2a  yes    1200   26 s    smoke-1-worker-20250131T142233Z-k3f9',
      '2        4f2a4f2a4f2a  yes    1200   18 s    smoke-2-workers-20250131T142233Z-k3f9',
      '3        4f2a4f2a4f2a  yes    1200   2m 05s  smoke-3-workers-20250131T142233Z-k3f9',
      '',
      'equal digests for 1, 2 and 3 workers',
      `  digest  ${'4f2a'.repeat(16)}`,
      '  runs    runs/verify-smoke-20250131T142233Z',
    ]);
    expect(shown(equal, 120)).toEqual(shown(equal));
  });

  it('fits into 80 columns, and cuts the names of runs where even that is too wide', () => {
    expect(shown(equal, 80)[2]).toBe(
      '2        4f2a4f2a4f2a  yes    18 s    smoke-2-workers-20250131T142233Z-k3f9',
    );
    expect(shown(equal, 60)[2]).toBe(
      '2        4f2a4f2a4f2a  yes    18 s    ..0250131T142233Z-k3f9',
    );
    for (const columns of [80, 120]) {
      for (const found of [equal, different]) {
        const widths = shown(found, columns).map(({ length }) => length);
        expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('says where runs differ first', () => {
    expect(shown(different)).toEqual([
      'WORKERS  DIGEST        EQUAL  STEPS  TOOK  RUN',
      '1        4f2a4f2a4f2a  yes    1200   26 s  smoke-1-worker-20250131T142233Z-k3f9',
      '2        4f2a4f2a4f2a  yes    1200   18 s  smoke-2-workers-20250131T142233Z-k3f9',
      '3        90b190b190b1  no     1200   22 s  smoke-3-workers-20250131T142233Z-k3f9',
      '',
      'different digests with 1 worker and 3 workers',
      '  round   53: step 4 of epoch 2, phase 1',
      '  tensor  classifier.1.weight[3, 17] of parameters',
      '  state   checkpoints/epoch-0002-round-000098.ckpt, round 98',
      '  1 worker   0.12345678 (bits 3dfcd6e9)',
      '  3 workers  0.12345679 (bits 3dfcd6ea)',
      '  runs    runs/verify-smoke-20250131T142233Z',
    ]);
  });

  it('says where rounds or states cannot tell', () => {
    const { difference } = different;
    const with_ = (change: object) =>
      shown({ ...different, difference: { ...difference!, ...change } }).slice(6, -1);
    expect(with_({ round: null, state: null })).toEqual([
      '  round   none: the sums of all rounds are the same',
      '  tensor  no states of both runs could be compared',
    ]);
    const last = { ...difference!.round!, kind: 'evaluate', split: 'test', hashes: ['aa', null] };
    const number = {
      ...{ vector: null, name: 'test.loss', index: null, values: [value('1', '3ff'), null] },
      ...{ file: 'checkpoints/final.ckpt', rounds: [53, 52] },
    };
    expect(with_({ round: last, state: number })).toEqual([
      '  round   53: evaluation on test in epoch 2, phase 1, which one of them does not have',
      '  tensor  test.loss',
      '  state   checkpoints/final.ckpt, rounds 53 and 52',
      '  1 worker   1 (bits 3ff)',
      '  3 workers  not there',
    ]);
    expect(with_({ round: { ...last, kind: 'phase', phase: 1, hashes: ['a', 'b'] } })[0]).toBe(
      '  round   53: start of phase 2',
    );
  });
});

describe('the error of a verification', () => {
  it('names the runs that differ from the first, and the place', () => {
    const error = differsError(different);
    expect(error).toMatchObject({ code: 'FT_VERIFY_DIFFERS', exitCode: 4 });
    expect(error.message).toBe(
      'The digest with 3 workers is not that with 1 worker. The first round that differs is 53 (step 4 of epoch 2, phase 1). The first tensor is classifier.1.weight[3, 17] of parameters in checkpoints/epoch-0002-round-000098.ckpt.',
    );
    const { runs, difference } = different;
    expect(error.details).toEqual({ dir, runs, difference });
    const others = [run(3, '90b1', 1), run(1, 'aaaa', 1), run(2, 'bbbb', 1)];
    expect(differsError({ ...different, runs: others }).message).toMatch(
      /^The digest with 1 and 2 workers is not that with 3 workers\./,
    );
  });
});
