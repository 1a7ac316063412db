import type { RoundReport, WorkerMessage } from './control-messages.js';
import {
  decodeError,
  decodeGenerationId,
  decodeStateRef,
  encodeError,
  enumCodec,
  required,
  snapshotKind,
} from './convert.js';
import type { RoundReport as ProtoRoundReport } from './gen/ftctl/coordinator/v1/RoundReport.js';
import type {
  WorkerMessageInput,
  WorkerMessage as ProtoWorkerMessage,
} from './gen/ftctl/coordinator/v1/WorkerMessage.js';

const roundKind = enumCodec('round kind', {
  step: 'ROUND_KIND_STEP',
  evaluate: 'ROUND_KIND_EVALUATE',
  phase: 'ROUND_KIND_PHASE',
} as const);

const split = enumCodec('split', {
  train: 'SPLIT_TRAIN',
  val: 'SPLIT_VAL',
  test: 'SPLIT_TEST',
} as const);

/** To the protobuf message. */
export function encodeWorkerMessage(message: WorkerMessage): WorkerMessageInput {
  switch (message.type) {
    case 'hello': {
      const { incarnation, slot, pid, host, address, metricsAddress, fingerprint, probe } = message;
      return {
        hello: { incarnation, slot, pid, host, address, metricsAddress, fingerprint, probe },
      };
    }
    case 'ready':
      return { ready: { state: message.state } };
    case 'prepared':
      return { prepared: { generation: message.generation, state: message.state } };
    case 'round': {
      const { kind, split: name, ...rest } = message.report;
      return { round: { ...rest, kind: roundKind.encode(kind), split: split.encode(name) } };
    }
    case 'snapshot': {
      const { state, kind, epoch } = message;
      return { snapshot: { state, kind: snapshotKind.encode(kind), epoch } };
    }
    case 'peer-lost': {
      const { generation, peer, cause } = message;
      return { peerLost: { generation, peer, cause } };
    }
    case 'failed':
      return { failed: { error: encodeError(message.error) } };
    case 'stage':
      return { stage: { stage: message.stage, round: message.round } };
  }
}

/** From the protobuf message. Throws FT_PROTOCOL_BROKEN where something is missing or unknown. */
export function decodeWorkerMessage(given: ProtoWorkerMessage | null | undefined): WorkerMessage {
  const message = required(given, 'worker message');
  switch (message.message) {
    case 'hello':
      return { type: 'hello', ...required(message.hello, 'hello') };
    case 'ready':
      return { type: 'ready', state: decodeStateRef(message.ready?.state) };
    case 'prepared':
      return {
        type: 'prepared',
        generation: decodeGenerationId(message.prepared?.generation),
        state: decodeStateRef(message.prepared?.state),
      };
    case 'round':
      return { type: 'round', report: decodeReport(required(message.round, 'report')) };
    case 'snapshot': {
      const { state, kind, epoch } = required(message.snapshot, 'snapshot');
      return {
        type: 'snapshot',
        state: decodeStateRef(state),
        kind: snapshotKind.decode(kind),
        epoch,
      };
    }
    case 'peerLost': {
      const { generation, peer, cause } = required(message.peerLost, 'peer');
      return { type: 'peer-lost', generation: decodeGenerationId(generation), peer, cause };
    }
    case 'failed':
      return { type: 'failed', error: decodeError(message.failed?.error) };
    case 'stage':
      return { type: 'stage', ...required(message.stage, 'stage') };
    default:
      return required<WorkerMessage>(undefined, 'content');
  }
}

function decodeReport(report: ProtoRoundReport): RoundReport {
  const { generation, kind, split: name, local, ...rest } = report;
  return {
    ...rest,
    generation: decodeGenerationId(generation),
    kind: roundKind.decode(kind),
    split: split.decode(name),
    local: required(local, 'local report'),
  };
}
