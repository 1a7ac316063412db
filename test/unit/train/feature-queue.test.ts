import { describe, expect, it, vi } from 'vitest';
import { FeatureQueue } from '../../../src/train/feature-queue.js';
import { formulaFeature, FormulaFeatures } from '../../support/train/formula-features.js';

const depth = { minRequests: 2, minRows: 6, maxRows: 10, maxBytes: 2 ** 20 };
const labels = Array.from({ length: 100 }, (_, i) => i % 3);

/** Rounds 1, 2, 3, ... of which every fourth has three requests and every fifth none; sample ids say where. */
function requestsOf(rowsOf: (round: number) => number, lastRound = 20) {
  return (round: number) => {
    if (round > lastRound) return undefined;
    const numRequests = round % 5 === 0 ? 0 : round % 4 === 0 ? 3 : 1;
    return Array.from({ length: numRequests }, (_, index) => ({
      samples: new Int32Array(rowsOf(round)).fill(round * 4 + index),
      views: new Int32Array(rowsOf(round)),
    }));
  };
}

function firstFeatureOf(round: number, index: number): number {
  const sample = round * 4 + index;
  return formulaFeature(sample, labels[sample]!, 0, 0);
}

/** Keeps all answers back until the returned function is called. */
function closeGate(source: FormulaFeatures): () => void {
  let open: () => void = () => undefined;
  source.gate = new Promise((resolve) => {
    open = resolve;
  });
  return () => {
    open();
  };
}

function asked(source: FormulaFeatures): number[] {
  return source.requests.map(({ samples }) => samples[0]!);
}

describe('FeatureQueue', () => {
  it('answers each request with its own rows, across rounds of any number of requests', async () => {
    const source = new FormulaFeatures(2, labels);
    const rounds = requestsOf(() => 2);
    const queue = new FeatureQueue(source, rounds, depth);
    for (let round = 1; round <= 20; round += 1) {
      for (const index of rounds(round)!.keys()) {
        const rows = await queue.take(round, index);
        expect(rows.length).toBe(4);
        expect(rows[0]).toBe(firstFeatureOf(round, index));
      }
    }
    // Each request once, in the order of need: nothing was asked for twice or skipped.
    const expected = Array.from({ length: 20 }, (_, i) => i + 1).flatMap((round) =>
      rounds(round)!.map((request) => request.samples[0]!),
    );
    expect(asked(source)).toEqual(expected);
  });

  it('asks ahead until there are enough requests and enough rows', async () => {
    const source = new FormulaFeatures(2, labels);
    const queue = new FeatureQueue(
      source,
      requestsOf(() => 2),
      depth,
    );
    await queue.take(1, 0);
    // One in use; two ahead are enough requests but only 4 rows, so a third one makes 6.
    expect(asked(source)).toEqual([4, 8, 12, 16]);
  });

  it('asks no further ahead than the bound, and at least one ahead', async () => {
    const source = new FormulaFeatures(2, labels);
    await new FeatureQueue(
      source,
      requestsOf(() => 8),
      depth,
    ).take(1, 0);
    expect(asked(source)).toEqual([4, 8]);
    const large = new FormulaFeatures(2, labels);
    await new FeatureQueue(
      large,
      requestsOf(() => 50),
      depth,
    ).take(1, 0);
    expect(asked(large)).toEqual([4, 8]);
  });

  it('asks for no more bytes ahead than the bound, and for one request at least', async () => {
    // A row of 2 features has 8 bytes, a request of 2 rows 16.
    const askedAhead = async (maxBytes: number): Promise<number> => {
      const source = new FormulaFeatures(2, labels);
      await new FeatureQueue(
        source,
        requestsOf(() => 2),
        { ...depth, maxBytes },
      ).take(1, 0);
      return asked(source).length - 1;
    };
    expect(await askedAhead(48)).toBe(3);
    expect(await askedAhead(47)).toBe(2);
    expect(await askedAhead(31)).toBe(1);
    expect(await askedAhead(1)).toBe(1);
  });

  it('asks again for a request whose array was given to another thread, and keeps what is ahead of it', async () => {
    const source = new FormulaFeatures(2, labels);
    const queue = new FeatureQueue(
      source,
      requestsOf(() => 2),
      depth,
    );
    const first = await queue.take(1, 0);
    const expected = first.slice();
    structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
    expect(await queue.take(1, 0)).toEqual(expected);
    expect((await queue.take(2, 0))[0]).toBe(firstFeatureOf(2, 0));
    expect(asked(source)).toEqual([4, 8, 12, 16, 4, 17]);
    expect(source.numAborted).toBe(0);
  });

  it('gives arrays back to the source', () => {
    const source = new FormulaFeatures(2, labels);
    const { recycle } = new FeatureQueue(
      source,
      requestsOf(() => 2),
      depth,
    );
    const values = new Float32Array(4);
    recycle(values);
    expect(source.recycled).toEqual([values]);
  });

  it('stops at the last round', async () => {
    const source = new FormulaFeatures(2, labels);
    const queue = new FeatureQueue(
      source,
      requestsOf(() => 2, 3),
      depth,
    );
    await queue.take(2, 0);
    expect(asked(source)).toEqual([8, 12]);
  });

  it('answers the same request again without asking again', async () => {
    const source = new FormulaFeatures(2, labels);
    const queue = new FeatureQueue(
      source,
      requestsOf(() => 2),
      depth,
    );
    const first = await queue.take(1, 0);
    const numAsked = source.requests.length;
    expect(await queue.take(1, 0)).toBe(first);
    expect(source.requests.length).toBe(numAsked);
  });

  it('starts over where a request is out of order, and aborts what it no longer needs', async () => {
    const source = new FormulaFeatures(2, labels);
    const queue = new FeatureQueue(
      source,
      requestsOf(() => 2),
      depth,
    );
    await queue.take(4, 2);
    const open = closeGate(source);
    const again = queue.take(4, 0);
    open();
    expect((await again)[0]).toBe(firstFeatureOf(4, 0));
    queue.discard();
    source.gate = undefined;
    expect((await queue.take(6, 0))[0]).toBe(firstFeatureOf(6, 0));
  });

  it('aborts the requests that it gives up', async () => {
    const source = new FormulaFeatures(2, labels);
    const open = closeGate(source);
    const queue = new FeatureQueue(
      source,
      requestsOf(() => 2),
      depth,
    );
    const taken = queue.take(1, 0);
    queue.discard();
    open();
    await expect(taken).rejects.toThrow('The features are no longer needed.');
    await vi.waitFor(() => {
      expect(source.numAborted).toBe(4);
    });
  });

  it('rejects with the source failure and asks anew afterwards', async () => {
    const source = new FormulaFeatures(2, labels);
    source.failAt = { request: 1, error: new Error('image vanished') };
    const queue = new FeatureQueue(
      source,
      requestsOf(() => 2),
      depth,
    );
    await queue.take(1, 0);
    await expect(queue.take(2, 0)).rejects.toThrow('image vanished');
    expect((await queue.take(2, 0))[0]).toBe(firstFeatureOf(2, 0));
  });
});
