import { readFile, stat } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import type { RunEvent, RunResult } from '../control/events.js';
import type { FtctlErrorJson } from '../errors/index.js';
import { lockHolder } from '../util/process-lock.js';
import { readHistory, type RunHistory } from './run-history.js';

/** `result.json`: how a run ended. `startedAt` and `endedAt` are Unix times in ms. */
export type RunRecord = { readonly startedAt: number; readonly endedAt: number } & (
  | RunResult
  | {
      readonly status: 'failed';
      readonly error: FtctlErrorJson;
      readonly runDir: string;
      readonly resumable: boolean;
    }
);

/** One line of `ftctl runs`. */
export interface RunSummary {
  readonly id: string;
  readonly dir: string;
  readonly status: 'running' | 'finished' | 'stopped' | 'failed';
  /** Epochs done, and epochs wanted where the run got as far as to say so. */
  readonly epochs: number;
  readonly totalEpochs: number | null;
  readonly best: RunResult['best'];
  /** Unix times in ms of its first start and its last end; `endedAt` is null for a run that runs, or that was killed with its launcher. */
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** How often it was launched and resumed, as far as its events say; at least 1. */
  readonly sessions: number;
  /** What these took together, in ms; null for a run that runs. */
  readonly tookMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** The paths that a summary is made from. */
export interface SummarisedRun {
  readonly id: string;
  readonly dir: string;
  readonly configPath: string;
  readonly eventsPath: string;
  readonly resultPath: string;
}

/**
 * What a run folder says of itself. `result.json` is the last word; without it the run is running (its lock is
 * held), or its launcher was killed before it could write one and the events tell how far it came.
 */
export async function summariseRun(run: SummarisedRun): Promise<RunSummary> {
  const metric = await bestMetric(run.configPath);
  const [record, events, holder, config] = await Promise.all([
    readRecord(run.resultPath),
    readHistory(run.eventsPath, metric),
    lockHolder(run.dir).catch(() => undefined),
    stat(run.configPath).catch(() => null),
  ]);
  const seen = {
    id: run.id,
    dir: run.dir,
    epochs: events.epochs,
    totalEpochs: events.totalEpochs,
    best: events.best,
    startedAt:
      timeOfId(run.id) ??
      events.sessions[0]?.startedAt ??
      record?.startedAt ??
      Math.round(config?.mtimeMs ?? 0),
    sessions: Math.max(1, events.sessions.length),
    tookMs: tookMs(record, events),
  };
  if (holder !== undefined) {
    return { ...seen, tookMs: null, status: 'running', endedAt: null, error: null };
  }
  if (record === null) return { ...seen, ...endByEvents(events.last) };
  if (record.status === 'failed') {
    const { code, message } = record.error;
    const status = code === 'FT_INTERRUPTED' ? 'stopped' : 'failed';
    return { ...seen, status, endedAt: record.endedAt, error: { code, message } };
  }
  const { epochs, best } = record;
  return { ...seen, status: record.status, epochs, best, endedAt: record.endedAt, error: null };
}

/** A record is of the last session alone, but its launcher's times, which are a little longer than its events'. */
function tookMs(record: RunRecord | null, { sessions }: RunHistory): number | null {
  if (sessions.length <= 1 && record !== null) return record.endedAt - record.startedAt;
  if (sessions.length === 0) return null;
  return sessions.reduce((sum, { startedAt, endedAt }) => sum + endedAt - startedAt, 0);
}

/** For a folder without `result.json` whose launcher is gone. */
function endByEvents(last: RunEvent | null): Pick<RunSummary, 'status' | 'endedAt' | 'error'> {
  if (last?.type === 'run-finished' || last?.type === 'run-stopped') {
    return { status: last.result.status, endedAt: last.at, error: null };
  }
  if (last?.type === 'run-failed') {
    const { code, message } = last.error;
    return { status: 'failed', endedAt: last.at, error: { code, message } };
  }
  const message = 'The launch was killed before the run ended.';
  return { status: 'failed', endedAt: null, error: { code: 'FT_INTERRUPTED', message } };
}

async function readRecord(path: string): Promise<RunRecord | null> {
  const value = await readFile(path, 'utf8').then(parse, () => null);
  const isRecord = isObject(value) && typeof value['status'] === 'string' && 'endedAt' in value;
  return isRecord ? (value as unknown as RunRecord) : null;
}

/** `best.metric` of the configuration; the default where it says nothing, or cannot be read. */
async function bestMetric(configPath: string): Promise<'accuracy' | 'loss'> {
  try {
    const config: unknown = parseYaml(await readFile(configPath, 'utf8'));
    const best = isObject(config) ? config['best'] : undefined;
    return isObject(best) && best['metric'] === 'loss' ? 'loss' : 'accuracy';
  } catch {
    return 'accuracy';
  }
}

/** The start time that `RunFolder.create` put in the id. */
function timeOfId(id: string): number | null {
  const match = /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[^-]*$/.exec(id);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
