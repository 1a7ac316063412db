import { FtctlError, type FtctlErrorJson } from '../errors/index.js';
import type { SnapshotKind, StateRef } from './control-messages.js';
import type { ErrorInput, Error as ProtoError } from './gen/ftctl/common/v1/Error.js';
import type {
  GenerationInput,
  Generation as ProtoGeneration,
} from './gen/ftctl/common/v1/Generation.js';
import type { GenerationId as ProtoGenerationId } from './gen/ftctl/common/v1/GenerationId.js';
import type { StateRef as ProtoStateRef } from './gen/ftctl/common/v1/StateRef.js';
import type { Generation, GenerationId } from './generation.js';

// The parts that messages of both directions share, between src/rpc/*.ts and the generated types.

/** A field that protobuf cannot require, but the protocol does. Throws FT_PROTOCOL_BROKEN. */
export function required<T>(value: T | null | undefined, field: string): T {
  if (value !== null && value !== undefined) return value;
  throw new FtctlError('FT_PROTOCOL_BROKEN', { what: `A message came without its ${field}.` });
}

/** Between our words and an enum's names; `decode` throws FT_PROTOCOL_BROKEN for a value of a newer peer. */
export function enumCodec<Word extends string, Name extends string>(
  field: string,
  names: Readonly<Record<Word, Name>>,
): { encode(word: Word): Name; decode(name: string): Word } {
  const words = new Map(
    (Object.entries(names) as [Word, Name][]).map(([word, name]) => [name as string, word]),
  );
  return {
    encode: (word) => names[word],
    decode: (name) => {
      const word = words.get(name);
      if (word !== undefined) return word;
      throw new FtctlError('FT_PROTOCOL_BROKEN', {
        what: `A message came with the ${field} ${name}.`,
      });
    },
  };
}

export const snapshotKind = enumCodec<SnapshotKind, `SNAPSHOT_KIND_${Uppercase<SnapshotKind>}`>(
  'snapshot kind',
  {
    checkpoint: 'SNAPSHOT_KIND_CHECKPOINT',
    best: 'SNAPSHOT_KIND_BEST',
    final: 'SNAPSHOT_KIND_FINAL',
  },
);

export function decodeStateRef(state: ProtoStateRef | null | undefined): StateRef {
  const { round, hash } = required(state, 'state');
  return { round, hash };
}

export function decodeGenerationId(id: ProtoGenerationId | null | undefined): GenerationId {
  const { term, number } = required(id, 'generation id');
  return { term, number };
}

export function encodeGeneration(generation: Generation): GenerationInput {
  return { ...generation, members: [...generation.members] };
}

export function decodeGeneration(generation: ProtoGeneration | null | undefined): Generation {
  const { id, members, numShards, twoHopFromElements } = required(generation, 'generation');
  return { id: decodeGenerationId(id), members, numShards, twoHopFromElements };
}

export function encodeError(error: FtctlErrorJson): ErrorInput {
  const { details, ...rest } = error;
  return details === undefined ? rest : { ...rest, detailsJson: JSON.stringify(details) };
}

export function decodeError(error: ProtoError | null | undefined): FtctlErrorJson {
  const { code, message, remedy, rank, phase, detailsJson } = required(error, 'error');
  return {
    code: code as FtctlErrorJson['code'],
    message,
    remedy,
    ...(rank === undefined ? {} : { rank }),
    ...(phase === undefined ? {} : { phase }),
    ...(detailsJson === undefined
      ? {}
      : { details: JSON.parse(detailsJson) as Record<string, unknown> }),
  };
}
