import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import type {
  CoordinatorMessage,
  SnapshotKind,
  StateRef,
  WorkerMessage,
} from '../../../src/rpc/control-messages.js';
import {
  decodeCoordinatorMessage,
  encodeCoordinatorMessage,
} from '../../../src/rpc/coordinator-message.js';
import type { Generation } from '../../../src/rpc/generation.js';
import { services } from '../../../src/rpc/proto.js';
import { decodeWorkerMessage, encodeWorkerMessage } from '../../../src/rpc/worker-message.js';

const { Control } = services().CoordinatorService.service;

/** Through our mapping and through protobuf's bytes, as on the wire. */
function roundTripWorker(message: WorkerMessage): WorkerMessage {
  const bytes = Control.requestSerialize({ message: encodeWorkerMessage(message) });
  return decodeWorkerMessage(Control.requestDeserialize(bytes).message);
}

function roundTripCoordinator(message: CoordinatorMessage): CoordinatorMessage {
  const bytes = Control.responseSerialize({ message: encodeCoordinatorMessage(message) });
  return decodeCoordinatorMessage(Control.responseDeserialize(bytes).message);
}

const text = fc.string({ unit: 'grapheme' });
const index = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const big = fc.maxSafeNat();
const real = fc.double();
const stateRef: fc.Arbitrary<StateRef> = fc.record({ round: big, hash: text });
const generationId = fc.record({ term: big, number: big });
const kind = fc.constantFrom<SnapshotKind>('checkpoint', 'best', 'final');
const member = fc.record({
  incarnation: text,
  rank: index,
  address: text,
  firstShard: index,
  numShards: index,
});
const generation: fc.Arbitrary<Generation> = fc.record({
  id: generationId,
  members: fc.array(member, { maxLength: 4 }),
  numShards: index,
  twoHopFromElements: big,
});
const error = fc
  .record(
    {
      code: fc.constant('FT_INTERNAL' as const),
      message: text,
      remedy: text,
      rank: index,
      phase: text,
      details: fc.dictionary(fc.string({ minLength: 1 }), fc.oneof(text, fc.integer()), {
        noNullPrototype: true,
      }),
    },
    { requiredKeys: ['code', 'message', 'remedy'] },
  )
  // JSON has no own __proto__ that survives.
  .filter(({ details }) => details === undefined || !Object.hasOwn(details, '__proto__'));

const workerMessage: fc.Arbitrary<WorkerMessage> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    incarnation: text,
    slot: index,
    pid: index,
    host: text,
    address: text,
    metricsAddress: text,
    fingerprint: text,
    probe: text,
  }),
  fc.record({ type: fc.constant('ready' as const), state: stateRef }),
  fc.record({
    type: fc.constant('prepared' as const),
    generation: generationId,
    state: stateRef,
  }),
  fc.record({
    type: fc.constant('round' as const),
    report: fc.record({
      generation: generationId,
      round: big,
      kind: fc.constantFrom('step' as const, 'evaluate' as const, 'phase' as const),
      phase: index,
      epoch: index,
      step: index,
      ledger: text,
      split: fc.constantFrom('train' as const, 'val' as const, 'test' as const),
      samples: big,
      loss: real,
      accuracy: real,
      learningRate: real,
      epochTraining: fc.option(fc.record({ loss: real, accuracy: real })),
      local: fc.record({
        seconds: fc.dictionary(fc.constantFrom('data', 'wait', 'idle'), real, {
          noNullPrototype: true,
        }),
        rowsComputed: big,
        rowsCached: big,
        samples: big,
        bytesSent: big,
        longestBlockMs: real,
      }),
    }),
  }),
  fc.record({ type: fc.constant('snapshot' as const), state: stateRef, kind, epoch: index }),
  fc.record({
    type: fc.constant('peer-lost' as const),
    generation: generationId,
    peer: text,
    cause: text,
  }),
  fc.record({ type: fc.constant('failed' as const), error }),
  fc.record({ type: fc.constant('stage' as const), stage: text, round: big }),
);

const coordinatorMessage: fc.Arbitrary<CoordinatorMessage> = fc.oneof(
  fc.record({
    type: fc.constant('welcome' as const),
    term: big,
    bundle: text,
    resume: fc.option(stateRef),
    toleranceMs: fc.integer({ min: 1, max: 1e9 }),
  }),
  fc.record({
    type: fc.constant('prepare' as const),
    generation,
    purpose: fc.constantFrom('start' as const, 'change' as const, 'stop' as const),
  }),
  fc.record({
    type: fc.constant('commit' as const),
    generation,
    state: stateRef,
    holders: fc.array(text),
  }),
  fc.record({ type: fc.constant('acknowledge' as const), state: stateRef, kind }),
  fc.record({ type: fc.constant('release' as const), reason: text }),
  fc.record({ type: fc.constant('abort' as const), error }),
);

describe('control messages', () => {
  it('of workers come back as they were sent', () => {
    fc.assert(
      fc.property(workerMessage, (message) => {
        expect(roundTripWorker(message)).toEqual(message);
      }),
      { numRuns: 400 },
    );
  });

  it('of the coordinator come back as they were sent', () => {
    fc.assert(
      fc.property(coordinatorMessage, (message) => {
        expect(roundTripCoordinator(message)).toEqual(message);
      }),
      { numRuns: 400 },
    );
  });

  it('without what the protocol requires are refused', () => {
    const cases: [() => unknown, string][] = [
      [() => decodeWorkerMessage(null), 'A message came without its worker message.'],
      [
        () => decodeWorkerMessage(Control.requestDeserialize(Buffer.of(0x0a, 0)).message),
        'A message came without its content.',
      ],
      [() => decodeWorkerMessage({ message: 'ready' }), 'A message came without its state.'],
      [
        () =>
          decodeWorkerMessage({
            message: 'snapshot',
            snapshot: {
              state: { round: 1, hash: 'aa' },
              kind: 'SNAPSHOT_KIND_UNSPECIFIED',
              epoch: 1,
            },
          }),
        'A message came with the snapshot kind SNAPSHOT_KIND_UNSPECIFIED.',
      ],
      [
        () =>
          decodeCoordinatorMessage({
            message: 'commit',
            commit: { generation: null, state: { round: 1, hash: 'aa' }, holders: [] },
          }),
        'A message came without its generation.',
      ],
    ];
    for (const [decode, message] of cases) {
      let thrown: unknown;
      try {
        decode();
      } catch (caught) {
        thrown = caught;
      }
      expect(thrown).toBeInstanceOf(FtctlError);
      expect(thrown).toMatchObject({ code: 'FT_PROTOCOL_BROKEN', message });
    }
  });
});
