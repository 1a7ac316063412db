import type { CoordinatorMessage } from './control-messages.js';
import {
  decodeError,
  decodeGeneration,
  decodeStateRef,
  encodeError,
  encodeGeneration,
  enumCodec,
  required,
  snapshotKind,
} from './convert.js';
import type {
  CoordinatorMessage as ProtoCoordinatorMessage,
  CoordinatorMessageInput,
} from './gen/ftctl/coordinator/v1/CoordinatorMessage.js';

const purpose = enumCodec('purpose', {
  start: 'PREPARE_PURPOSE_START',
  change: 'PREPARE_PURPOSE_CHANGE',
  stop: 'PREPARE_PURPOSE_STOP',
} as const);

/** To the protobuf message. */
export function encodeCoordinatorMessage(message: CoordinatorMessage): CoordinatorMessageInput {
  switch (message.type) {
    case 'welcome': {
      const { term, bundle, resume, toleranceMs } = message;
      return { welcome: { term, bundle, resume, toleranceMs } };
    }
    case 'prepare':
      return {
        prepare: {
          generation: encodeGeneration(message.generation),
          purpose: purpose.encode(message.purpose),
        },
      };
    case 'commit': {
      const { generation, state, holders } = message;
      return {
        commit: { generation: encodeGeneration(generation), state, holders: [...holders] },
      };
    }
    case 'acknowledge':
      return { acknowledge: { state: message.state, kind: snapshotKind.encode(message.kind) } };
    case 'release':
      return { release: { reason: message.reason } };
    case 'abort':
      return { abort: { error: encodeError(message.error) } };
  }
}

/** From the protobuf message. Throws FT_PROTOCOL_BROKEN where something is missing or unknown. */
export function decodeCoordinatorMessage(
  given: ProtoCoordinatorMessage | null | undefined,
): CoordinatorMessage {
  const message = required(given, 'coordinator message');
  switch (message.message) {
    case 'welcome': {
      const { term, bundle, resume, toleranceMs } = required(message.welcome, 'welcome');
      return {
        type: 'welcome',
        term,
        bundle,
        resume: resume === null ? null : decodeStateRef(resume),
        toleranceMs,
      };
    }
    case 'prepare': {
      const prepare = required(message.prepare, 'prepare');
      return {
        type: 'prepare',
        generation: decodeGeneration(prepare.generation),
        purpose: purpose.decode(prepare.purpose),
      };
    }
    case 'commit': {
      const { generation, state, holders } = required(message.commit, 'commit');
      return {
        type: 'commit',
        generation: decodeGeneration(generation),
        state: decodeStateRef(state),
        holders,
      };
    }
    case 'acknowledge': {
      const { state, kind } = required(message.acknowledge, 'acknowledge');
      return {
        type: 'acknowledge',
        state: decodeStateRef(state),
        kind: snapshotKind.decode(kind),
      };
    }
    case 'release':
      return { type: 'release', reason: required(message.release, 'release').reason };
    case 'abort':
      return { type: 'abort', error: decodeError(message.abort?.error) };
    default:
      return required<CoordinatorMessage>(undefined, 'content');
  }
}
