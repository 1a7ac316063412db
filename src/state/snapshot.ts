import { FtctlError } from '../errors/index.js';
import type { Snapshot } from '../train/trainer.js';
import { sha256InTurns, sha256Of } from '../util/large-bytes.js';
import { historyValues, historyWidth } from './digest.js';
import {
  float32View,
  float64From,
  float64Of,
  littleEndianBytes,
  readFloat32,
} from './little-endian.js';
import type { EvaluationRecord, TrainingState } from './training-state.js';

/*
 * A training state as bytes (little-endian):
 *
 *   8   magic "FTCTLST\n"
 *   4   format version (uint32)
 *   4   length of the header (uint32), a multiple of 8
 *   -   header: JSON, padded with spaces; names and lengths of the arrays, and the numbers that people look for
 *   -   the arrays, one after the other, as the header lists them
 *   32  SHA-256 of everything before
 *
 * A state has exactly one encoding, so equal states have equal bytes and the checksum is the state's name. Numbers
 * that may have a fraction are never in the JSON, which would lose the sign of a zero.
 */
const magic = Buffer.from('FTCTLST\n', 'ascii');
const formatVersion = 2;
const prefixBytes = 16;
const checksumBytes = 32;

/** An immutable copy of a state, with its name: (round, hash of the bytes). */
export function encodeSnapshot(state: TrainingState): Snapshot {
  const arrays = arraysOf(state);
  const header = Buffer.from(headerText(state, arrays), 'utf8');
  const numArrayBytes = arrays.reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
  const end = prefixBytes + header.length + numArrayBytes;
  const bytes = Buffer.alloc(end + checksumBytes);
  magic.copy(bytes);
  bytes.writeUInt32LE(formatVersion, 8);
  bytes.writeUInt32LE(header.length, 12);
  header.copy(bytes, prefixBytes);
  let offset = prefixBytes + header.length;
  for (const [, values] of arrays) {
    bytes.set(littleEndianBytes(values), offset);
    offset += values.byteLength;
  }
  const checksum = sha256Of(bytes.subarray(0, end));
  checksum.copy(bytes, end);
  return { round: state.round, hash: checksum.toString('hex'), bytes };
}

/** The header: 10 names, types and lengths, and the rest of its numbers, take about 600. */
const maxHeaderBytes = 4096;

/** Bytes that a state with a best one has at most, `numEpochs` evaluations long. */
export function stateBytes(of: {
  readonly numParameters: number;
  readonly numStatistics: number;
  readonly numEpochs: number;
}): number {
  const numbers = 6 + historyWidth * of.numEpochs + 2 + 3;
  const arrays = 4 * (4 * of.numParameters + 2 * of.numStatistics) + 8 * numbers;
  return prefixBytes + maxHeaderBytes + arrays + checksumBytes;
}

/**
 * The state that was encoded. Rejects anything else: FT_CHECKPOINT_DAMAGED when the bytes do not match their
 * checksum or are no snapshot, FT_CHECKPOINT_VERSION when they are one of another format version. What is as long as the parameters is in
 * memory from `allocate`.
 */
export function decodeSnapshot(
  bytes: Uint8Array,
  allocate = (length: number): Float32Array => new Float32Array(length),
): TrainingState {
  const buffer = bufferOf(bytes);
  checkMagic(buffer);
  checkSeal(buffer, sha256Of(sealedOf(buffer)));
  return readState(buffer, {
    large: (body, offset, length) => readFloat32(body, offset, allocate(length)),
    small: (body, offset, length) => readFloat32(body, offset, new Float32Array(length)),
  });
}

/** A snapshot with the state that is in it. */
export interface OpenedSnapshot extends Snapshot {
  /** To be read only: its arrays may be the snapshot's bytes. */
  readonly state: TrainingState;
}

/** Bytes from a disk or a peer as a snapshot, checked as by {@link decodeSnapshot}, without a copy and without blocking for long. */
export async function openSnapshot(bytes: Uint8Array): Promise<OpenedSnapshot> {
  const buffer = bufferOf(bytes);
  checkMagic(buffer);
  checkSeal(buffer, await sha256InTurns(sealedOf(buffer)));
  const state = readState(buffer, { large: float32View, small: float32View });
  return { round: state.round, hash: snapshotHash(bytes), bytes, state };
}

/** The hash that a snapshot's bytes claim to have; {@link decodeSnapshot} checks the claim. */
export function snapshotHash(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(-checksumBytes)).toString('hex');
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

type ReadFloat32 = (body: Uint8Array, offset: number, length: number) => Float32Array;

/** `large` reads what is as long as the parameters. */
function readState(buffer: Buffer, how: { large: ReadFloat32; small: ReadFloat32 }): TrainingState {
  checkVersion(buffer);
  const headerEnd = prefixBytes + buffer.readUInt32LE(12);
  const text = buffer.toString('utf8', prefixBytes, headerEnd);
  const header = parseHeader(text);
  const body = buffer.subarray(headerEnd, buffer.length - checksumBytes);
  const read = readerOf(header, body);
  const large = (name: string): Float32Array => read.float32(name, how.large);
  const small = (name: string): Float32Array => read.float32(name, how.small);
  const scalars = read.float64('scalars');
  const test = read.float64('test');
  const best = read.float64('best');
  const state: TrainingState = {
    round: header.round,
    phase: header.phase,
    epoch: header.epoch,
    parameters: large('parameters'),
    firstMoments: large('firstMoments'),
    secondMoments: large('secondMoments'),
    updates: scalars[0]!,
    statistics: small('statistics'),
    samples: scalars[1]!,
    epochSums: {
      loss: scalars[2]!,
      weight: scalars[3]!,
      correct: scalars[4]!,
      count: scalars[5]!,
    },
    best:
      best.length === 0
        ? null
        : {
            phase: best[0]!,
            epoch: best[1]!,
            value: best[2]!,
            parameters: large('bestParameters'),
            statistics: small('bestStatistics'),
          },
    history: recordsOf(read.float64('history')),
    test: test.length === 0 ? null : { loss: test[0]!, accuracy: test[1]! },
    ledger: header.ledger,
  };
  // One encoding for one state: whatever the encoder would not write, however well formed, is refused.
  const arrays = arraysOf(state);
  if (headerText(state, arrays) !== text) throw damaged('its header does not fit its contents');
  const numbers = Buffer.concat(
    arrays
      .filter(([, values]) => values instanceof Float64Array)
      .map(([, v]) => littleEndianBytes(v)),
  );
  if (!numbers.equals(body.subarray(0, numbers.length)))
    throw damaged('it holds a number that no checkpoint is written with');
  return state;
}

type NamedArray = readonly [name: string, values: Float32Array | Float64Array];

interface SnapshotHeader {
  readonly round: number;
  readonly phase: number;
  readonly epoch: number;
  readonly ledger: string;
  readonly arrays: readonly (readonly [name: string, type: string, length: number])[];
}

/** float64 arrays first, so that every array of an aligned file is aligned. */
function arraysOf(state: TrainingState): NamedArray[] {
  const { epochSums, best, test } = state;
  const sums = [epochSums.loss, epochSums.weight, epochSums.correct, epochSums.count];
  return [
    ['scalars', float64Of([state.updates, state.samples, ...sums])],
    ['history', historyValues(state.history)],
    ['test', float64Of(test === null ? [] : [test.loss, test.accuracy])],
    ['best', float64Of(best === null ? [] : [best.phase, best.epoch, best.value])],
    ['parameters', state.parameters],
    ['firstMoments', state.firstMoments],
    ['secondMoments', state.secondMoments],
    ['bestParameters', best === null ? new Float32Array(0) : best.parameters],
    ['statistics', state.statistics],
    ['bestStatistics', best === null ? new Float32Array(0) : best.statistics],
  ];
}

function headerText(state: TrainingState, arrays: readonly NamedArray[]): string {
  const header: SnapshotHeader = {
    round: state.round,
    phase: state.phase,
    epoch: state.epoch,
    ledger: state.ledger,
    arrays: arrays.map(([name, values]) => [
      name,
      values instanceof Float32Array ? 'float32' : 'float64',
      values.length,
    ]),
  };
  const text = JSON.stringify(header);
  return text.padEnd(Math.ceil(text.length / 8) * 8);
}

/** Before anything is allocated or hashed. */
function checkMagic(buffer: Buffer): void {
  if (buffer.length < prefixBytes + checksumBytes) {
    throw damaged(`it has ${buffer.length} bytes, too few for a checkpoint`);
  }
  if (!buffer.subarray(0, magic.length).equals(magic)) {
    throw damaged('it does not begin as a checkpoint does');
  }
}

/** What the checksum is of. */
function sealedOf(buffer: Buffer): Buffer {
  return buffer.subarray(0, buffer.length - checksumBytes);
}

function checkSeal(buffer: Buffer, checksum: Buffer): void {
  if (!checksum.equals(buffer.subarray(buffer.length - checksumBytes))) {
    throw damaged('its contents do not match its checksum');
  }
}

/** Of sealed bytes; and that the header lies inside of them. */
function checkVersion(buffer: Buffer): void {
  const version = buffer.readUInt32LE(8);
  if (version !== formatVersion) {
    throw new FtctlError('FT_CHECKPOINT_VERSION', {
      what: `The checkpoint has format version ${version}.`,
      why: `This ftctl reads version ${formatVersion}.`,
      details: { version, supported: formatVersion },
    });
  }
  if (buffer.readUInt32LE(12) > sealedOf(buffer).length - prefixBytes)
    throw damaged('its header is longer than the file');
}

function parseHeader(text: string): SnapshotHeader {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw damaged('its header is not JSON', error);
  }
  if (!isHeader(header)) throw damaged('its header is not that of a checkpoint');
  return header;
}

function isHeader(value: unknown): value is SnapshotHeader {
  if (typeof value !== 'object' || value === null) return false;
  const { round, phase, epoch, ledger, arrays } = value as Record<string, unknown>;
  return (
    [round, phase, epoch].every(isCount) &&
    typeof ledger === 'string' &&
    /^[0-9a-f]{64}$/.test(ledger) &&
    Array.isArray(arrays) &&
    arrays.every((entry) => Array.isArray(entry) && entry.length === 3 && isCount(entry[2]))
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What {@link arraysOf} writes: each array's type, and the lengths that it can have. */
const arrayRules: Readonly<Record<string, { type: string; fits(length: number): boolean }>> = {
  scalars: { type: 'float64', fits: (length) => length === 6 },
  history: { type: 'float64', fits: (length) => length % historyWidth === 0 },
  test: { type: 'float64', fits: (length) => length === 0 || length === 2 },
  best: { type: 'float64', fits: (length) => length === 0 || length === 3 },
  parameters: { type: 'float32', fits: () => true },
  firstMoments: { type: 'float32', fits: () => true },
  secondMoments: { type: 'float32', fits: () => true },
  bestParameters: { type: 'float32', fits: () => true },
  statistics: { type: 'float32', fits: () => true },
  bestStatistics: { type: 'float32', fits: () => true },
};

function readerOf(header: SnapshotHeader, body: Buffer) {
  const places = new Map<string, { offset: number; length: number }>();
  let offset = 0;
  for (const [name, type, length] of header.arrays) {
    const rule = Object.hasOwn(arrayRules, name) ? arrayRules[name] : undefined;
    if (rule?.type !== type || !rule.fits(length)) throw damaged('its list of arrays is wrong');
    places.set(name, { offset, length });
    offset += length * (type === 'float32' ? 4 : 8);
  }
  if (offset !== body.length) throw damaged('the lengths of its arrays do not add up to its size');
  checkLengths(places);
  const place = (name: string) => places.get(name) ?? { offset: 0, length: 0 };
  return {
    float32: (name: string, read: ReadFloat32) => {
      const { offset: start, length } = place(name);
      return read(body, start, length);
    },
    float64: (name: string) => float64From(body, place(name).offset, place(name).length),
  };
}

function checkLengths(places: ReadonlyMap<string, { length: number }>): void {
  const length = (name: string) => places.get(name)?.length;
  const numParameters = length('parameters');
  const hasBest = length('best') !== 0;
  const numBest = hasBest ? numParameters : 0;
  const numBestStatistics = hasBest ? length('statistics') : 0;
  if (
    length('scalars') === undefined ||
    length('firstMoments') !== numParameters ||
    length('secondMoments') !== numParameters ||
    length('bestParameters') !== numBest ||
    length('bestStatistics') !== numBestStatistics
  ) {
    throw damaged('its arrays do not fit each other');
  }
}

function recordsOf(values: Float64Array): EvaluationRecord[] {
  const records: EvaluationRecord[] = [];
  for (let at = 0; at < values.length; at += historyWidth) {
    records.push({
      phase: values[at]!,
      epoch: values[at + 1]!,
      trainLoss: values[at + 2]!,
      trainAccuracy: values[at + 3]!,
      valLoss: values[at + 4]!,
      valAccuracy: values[at + 5]!,
      learningRate: values[at + 6]!,
    });
  }
  return records;
}

function damaged(reason: string, cause?: unknown): FtctlError {
  return new FtctlError('FT_CHECKPOINT_DAMAGED', {
    what: `The checkpoint cannot be used: ${reason}.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
