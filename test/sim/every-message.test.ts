import { describe, expect, it } from 'vitest';
import type { Shape } from './support/fake-trainer.js';
import type { Fault, Moment } from './support/faults.js';
import { problemsOf } from './support/judge.js';
import type { History, SimulationOptions } from './support/history.js';
import { simulate } from './support/simulation.js';

const shape: Shape = { epochs: 1, steps: 2, numShards: 3, vectorLength: 3 };

/** Streams break within 30 ms, a message takes at most 20 more, and one may wait behind another. */
const latestMs = 80;
/** Two messages, a fetch and a write: well below the deadline. */
const longestRescueMs = 70;

/** Plays a run without faults, then again with one fault before, and after, each of its messages. */
async function atEveryMessage(
  numWorkers: number,
  fault: (at: { delivery: number; when: 'before' | 'after' }) => Fault,
  check: (history: History) => string[],
  options: Partial<SimulationOptions> = {},
): Promise<{ numHistories: number; failed: string[] }> {
  const common = { seed: 3, numWorkers, shape, ...options };
  const { numDeliveries } = await simulate({ ...common, faults: [] });
  const failed: string[] = [];
  for (let delivery = 1; delivery <= numDeliveries; delivery++) {
    for (const when of ['before', 'after'] as const) {
      const faults = [fault({ delivery, when })];
      const history = await simulate({ ...common, faults });
      const problems = [...problemsOf(history), ...check(history)];
      if (problems.length > 0) failed.push(`${when} ${delivery}: ${problems.join('; ')}`);
    }
  }
  return { numHistories: 2 * numDeliveries, failed };
}

/** A newcomer is started after up to 60 ms, and builds for up to 30; the generations that follow take a few messages each. */
const longestRecoveryMs = 450;

/**
 * A run that has begun survives a death, and is over soon after: it is noticed by the break of a stream, not by a timeout, unless the
 * worker had said nothing yet.
 */
function survives(history: History): string[] {
  const { outcome, endedAtMs, killedAtMs, journal, options } = history;
  if (killedAtMs === undefined || options.faults[0]?.type !== 'kill') return [];
  const hasBegun = journal.some(({ type }) => type === 'generation');
  if (!hasBegun) return [];
  if (outcome?.end.status !== 'finished')
    return [`the run ends with ${JSON.stringify(outcome?.end)}`];
  const tookMs = (endedAtMs ?? Number.POSITIVE_INFINITY) - killedAtMs;
  return tookMs <= longestRecoveryMs ? [] : [`the run ended ${tookMs} ms after the death`];
}

/** Nobody is waited for who will not come, also not when some have finished and others have stopped. */
function isPromptStop({ endedAtMs, stopAskedAtMs }: History): string[] {
  if (stopAskedAtMs === undefined) return [];
  const tookMs = (endedAtMs ?? Number.POSITIVE_INFINITY) - stopAskedAtMs;
  return tookMs <= latestMs + longestRescueMs ? [] : [`the run ended ${tookMs} ms after the stop`];
}

describe('a death before and after every message', () => {
  for (const [numWorkers, who] of [
    [1, 0],
    [2, 0],
    [2, 1],
    [3, 0],
    [3, 2],
  ] as const) {
    it(`of worker ${who} of ${numWorkers} ends the run with its name before it has begun, and changes nothing afterwards`, async () => {
      const { numHistories, failed } = await atEveryMessage(
        numWorkers,
        (at) => ({ type: 'kill', who, at }),
        survives,
      );
      expect(failed).toEqual([]);
      expect(numHistories).toBeGreaterThan(30);
    }, 60_000);
  }

  it('of the coordinator ends every worker, which says that the coordinator is lost', async () => {
    const { failed } = await atEveryMessage(
      2,
      (at) => ({ type: 'kill', who: 'coordinator', at }),
      () => [],
    );
    expect(failed).toEqual([]);
  }, 60_000);
});

describe('a stop request before and after every message', () => {
  it('ends the run with a state of the highest round on disk, or finds it finished', async () => {
    const ends = new Set<string>();
    const { failed } = await atEveryMessage(
      3,
      (at) => ({ type: 'stop-request', mode: 'graceful', at }),
      (history) => {
        const end = history.outcome?.end;
        ends.add(end?.status === 'stopped' && end.final === null ? 'not begun' : `${end?.status}`);
        return isPromptStop(history);
      },
    );
    expect(failed).toEqual([]);
    expect([...ends].sort()).toEqual(['finished', 'not begun', 'stopped']);
  }, 60_000);
});

describe('a stream that breaks and heals before and after every message', () => {
  const reconnect = (at: Moment): Fault => ({ type: 'reconnect', between: [0, 1], at });
  const isFinished = ({ outcome }: History): string[] =>
    outcome?.end.status === 'finished' ? [] : ['the run is not finished'];

  it('changes nothing: the last two rounds are repeated, and counted once', async () => {
    const { failed } = await atEveryMessage(2, reconnect, isFinished);
    expect(failed).toEqual([]);
  }, 60_000);

  it('changes nothing in two hops and buckets: what may be repeated is not overwritten', async () => {
    // In this seed's history finished segments come so late that their sender is in the next round.
    const { failed } = await atEveryMessage(3, reconnect, isFinished, {
      ...{ seed: 8, shape: { ...shape, steps: 6 } },
      ...{ twoHopFromElements: 1, bucketElements: 2 },
    });
    expect(failed).toEqual([]);
  }, 60_000);
});
