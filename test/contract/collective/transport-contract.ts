import { afterEach, describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../../src/collective/messages.js';
import type { PeerTransport } from '../../../src/collective/transport.js';
import { RoundReducer } from '../../../src/collective/reducer.js';
import { finishTree, sumOwned } from '../../../src/collective/tree.js';
import type { Generation } from '../../../src/rpc/generation.js';
import type { generationOf } from '../../unit/collective/generations.js';
import { bits, incarnation, vectorsOf } from '../../unit/collective/generations.js';

export const run = '0123456789abcdef';

/** Some members' transports that can reach one another. */
export interface Fixture {
  readonly transports: readonly PeerTransport[];
  /** Puts the members' addresses in. */
  generation(shards: readonly number[], options?: Parameters<typeof generationOf>[1]): Generation;
  /** Breaks what flows from one member to another, once; both stay alive. */
  breakStream(from: number, to: number): void;
  close(): Promise<void>;
}

export const soon = (ms = 10_000): AbortSignal => AbortSignal.timeout(ms);

export function messageOf(generation: Generation, change: Partial<PeerMessage> = {}): PeerMessage {
  return {
    run,
    generation: generation.id,
    round: 1,
    from: 0,
    kind: 'partial',
    node: 2,
    count: 1,
    vectorLength: 4,
    offset: 0,
    values: Float32Array.of(1, -0, NaN, 1e-45),
    ...change,
  };
}

export function collect(transport: PeerTransport, wanted: number): Promise<PeerMessage[]> {
  const messages: PeerMessage[] = [];
  return new Promise((resolve) => {
    transport.onMessage((message) => {
      messages.push(message);
      if (messages.length === wanted) resolve(messages);
    });
  });
}

export async function openAll(fixture: Fixture, generation: Generation): Promise<void> {
  await Promise.all(
    fixture.transports.map((transport, rank) =>
      transport.open(generation, incarnation(rank), soon()),
    ),
  );
}

/** Runs whole rounds over transports; resolves to each member's results. */
export function reduceOver(
  fixture: Fixture,
  generation: Generation,
  rounds: readonly (readonly Float32Array[])[],
  onRound: (rank: number, round: number) => void = () => undefined,
): Promise<string[][]> {
  return Promise.all(
    fixture.transports.map((transport, rank) => {
      const { firstShard, numShards } = generation.members[rank]!;
      const reducer = new RoundReducer({ run, generation, self: incarnation(rank) });
      const results: string[] = [];
      return new Promise<string[]>((resolve, reject) => {
        let round = 0;
        const sendAll = (outgoing: ReturnType<RoundReducer['offer']>): void => {
          for (const { toRank, message } of outgoing) transport.send(toRank, message);
        };
        const goOn = (): void => {
          while (round === 0 || reducer.result(round) !== undefined) {
            if (round > 0) {
              results.push(bits(reducer.result(round)!));
              onRound(rank, round);
            }
            if (round === rounds.length) {
              resolve(results);
              return;
            }
            const owned = rounds[round]!.slice(firstShard, firstShard + numShards);
            const length = rounds[round]![0]!.length;
            round++;
            sendAll(
              reducer.offer(round, sumOwned(firstShard, owned, generation.numShards), length),
            );
          }
        };
        transport.onMessage((message) => {
          const receipt = reducer.receive(message);
          if (receipt.outcome === 'refused') reject(new Error(receipt.reason));
          sendAll(receipt.outgoing);
          if (round > 0 && results.length < round) goOn();
        });
        transport.onLost((lost, cause) => {
          reject(new Error(`rank ${rank} lost ${lost}: ${cause}`));
        });
        goOn();
      });
    }),
  );
}

/** The sum that one worker alone would have. */
export function alone(vectors: readonly Float32Array[]): string {
  const partials = sumOwned(0, vectors, vectors.length);
  return bits(finishTree(vectors.length, new Map([[1, partials[0]!.values]])));
}

/** What every PeerTransport must do. */
export function describeTransport(name: string, make: (n: number) => Promise<Fixture>): void {
  describe(`the ${name} transport`, () => {
    let fixture: Fixture | undefined;
    afterEach(async () => {
      await fixture?.close();
      fixture = undefined;
    });
    const start = async (n: number): Promise<Fixture> => (fixture = await make(n));

    it('opens only when every member has opened', async () => {
      const all = await start(3);
      const generation = all.generation([1, 1, 1]);
      let isOpen = false;
      const first = all.transports[0]!.open(generation, incarnation(0), soon()).then(() => {
        isOpen = true;
      });
      const second = all.transports[1]!.open(generation, incarnation(1), soon());
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(isOpen).toBe(false);
      await Promise.all([
        first,
        second,
        all.transports[2]!.open(generation, incarnation(2), soon()),
      ]);
    });

    it('is open at once for a single member', async () => {
      const all = await start(1);
      await all.transports[0]!.open(all.generation([4]), incarnation(0), soon());
    });

    it('delivers whole messages in order, with all their bits', async () => {
      const all = await start(2);
      const generation = all.generation([1, 1]);
      await openAll(all, generation);
      const large = Float32Array.from({ length: 300_000 }, (_, i) => i / 3);
      const sent = [
        messageOf(generation),
        messageOf(generation, { kind: 'empty', node: 0, values: new Float32Array(0) }),
        messageOf(generation, { vectorLength: 300_000, values: large }),
        messageOf(generation, { round: 2 }),
      ];
      const arrival = collect(all.transports[1]!, sent.length);
      for (const message of sent) all.transports[0]!.send(1, message);
      const received = await arrival;
      received.forEach(({ values, ...rest }, i) => {
        const { values: sentValues, ...sentRest } = sent[i]!;
        expect(rest).toEqual(sentRest);
        expect(bits(values) === bits(sentValues)).toBe(true);
        expect(values.byteOffset).toBe(0);
      });
      expect(all.transports[0]!.bytesSent()).toBeGreaterThan(4 * 300_000);
      expect(all.transports[1]!.bytesSent()).toBe(0);
    });

    it('carries an all-reduce with the bits of one worker alone, in one hop and in two', async () => {
      const all = await start(4);
      for (const [number, twoHopFromElements] of [
        [1, 1],
        [2, 1_000_000],
      ] as const) {
        const generation = all.generation([2, 0, 3, 1], { number, twoHopFromElements });
        await openAll(all, generation);
        const rounds = [1, 2, 3, 4, 5].map((seed) => vectorsOf(6, 3000, seed));
        const results = await reduceOver(all, generation, rounds);
        for (const ofMember of results) expect(ofMember).toEqual(rounds.map(alone));
      }
    });

    it('heals broken streams without a loss, a gap or a wrong sum', async () => {
      const all = await start(3);
      const generation = all.generation([2, 1, 1], { twoHopFromElements: 100 });
      await openAll(all, generation);
      const rounds = Array.from({ length: 20 }, (_, seed) => vectorsOf(4, 5_000, seed + 1));
      const results = await reduceOver(all, generation, rounds, (rank, round) => {
        if (rank === 0 && round % 10 === 3) all.breakStream(0, 1);
        if (rank === 2 && round % 10 === 7) all.breakStream(1, 2);
      });
      for (const ofMember of results) expect(ofMember).toEqual(rounds.map(alone));
    });

    it('keeps the streams of members that stay, when a generation follows', async () => {
      const all = await start(3);
      const first = all.generation([2, 1, 1], { number: 1 });
      await openAll(all, first);
      const lost: string[] = [];
      for (const transport of all.transports) transport.onLost((who) => lost.push(who));
      // Member 2 leaves.
      const second: Generation = {
        ...all.generation([2, 2], { number: 2 }),
        members: first.members.slice(0, 2).map((member, rank) => ({
          ...member,
          firstShard: 2 * rank,
          numShards: 2,
        })),
      };
      await Promise.all(
        [0, 1].map((rank) => all.transports[rank]!.open(second, incarnation(rank), soon())),
      );
      // The older generation runs on until the newer one is sent under.
      for (const generation of [first, second]) {
        const arrival = collect(all.transports[1]!, 1);
        all.transports[0]!.send(1, messageOf(generation));
        expect((await arrival)[0]!.generation).toEqual(generation.id);
      }
      all.transports[0]!.send(2, messageOf(first));
      expect(lost).toEqual([]);
    });

    it('reports a member that left, once, to each of the others', async () => {
      const all = await start(3);
      await openAll(all, all.generation([1, 1, 1]));
      const losses = [0, 2].map(
        (rank) =>
          new Promise<string>((resolve) => {
            all.transports[rank]!.onLost(resolve);
          }),
      );
      await all.transports[1]!.close();
      expect(await Promise.all(losses)).toEqual([incarnation(1), incarnation(1)]);
    });

    it('gives up an opening when its signal aborts, and may open another generation then', async () => {
      const all = await start(2);
      const generation = all.generation([1, 1]);
      const opening = all.transports[0]!.open(generation, incarnation(0), soon(100));
      await expect(opening).rejects.toMatchObject({ code: 'FT_PEER_UNREACHABLE' });
      const aborted = AbortSignal.abort();
      await expect(
        all.transports[0]!.open(generation, incarnation(0), aborted),
      ).rejects.toMatchObject({ code: 'FT_PEER_UNREACHABLE' });
      await openAll(all, all.generation([1, 1], { number: 2 }));
    });

    it('settles an opening when it is closed, and drops what is sent then', async () => {
      const all = await start(2);
      const generation = all.generation([1, 1]);
      const opening = all.transports[0]!.open(generation, incarnation(0), soon());
      const settled = expect(opening).rejects.toMatchObject({ code: 'FT_PEER_UNREACHABLE' });
      await all.transports[0]!.close();
      await settled;
      all.transports[0]!.send(1, messageOf(generation));
      expect(all.transports[0]!.bytesSent()).toBe(0);
      await expect(
        all.transports[0]!.open(generation, incarnation(0), soon()),
      ).rejects.toMatchObject({ code: 'FT_PEER_UNREACHABLE' });
    });
  });
}
