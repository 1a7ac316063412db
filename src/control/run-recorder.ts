import type { FtctlError } from '../errors/index.js';
import type { EventBus } from './event-bus.js';
import type { RunEvent } from './events.js';
import { JsonlWriter } from './jsonl-writer.js';

/** One worker's share of a round, as a line of `metrics.jsonl`. */
export interface WorkerMetricsLine {
  readonly at: number;
  readonly type: 'worker';
  readonly slot: number;
  readonly rank: number;
  readonly round: number;
  /** Seconds of each time bucket since the worker's last line. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly rowsComputed: number;
  readonly rowsCached: number;
  readonly samples: number;
  readonly bytesSent: number;
  readonly longestBlockMs: number;
}

/** Keeps a run's history on disk; see {@link recordRun}. */
export interface RunRecorder {
  worker(line: WorkerMetricsLine): void;
  flush(): Promise<void>;
  /** Ends the subscription, makes all lines durable, closes the files. Never rejects. */
  close(): Promise<void>;
}

/**
 * Writes all events of a bus from its start on: `events.jsonl` has every one but the steps and the progress of
 * preparing, which would drown the rest; `metrics.jsonl` has the numbers (`step`, `epoch`, `test`, and the workers'
 * own lines). `onError` is told of a full disk once for each file; the run may go on without them.
 */
export async function recordRun(options: {
  bus: EventBus;
  eventsPath: string;
  metricsPath: string;
  onError: (error: FtctlError) => void;
}): Promise<RunRecorder> {
  const { bus, onError } = options;
  const events = await JsonlWriter.open(options.eventsPath, { onError });
  const metrics = await JsonlWriter.open(options.metricsPath, { onError }).catch(
    async (error: unknown) => {
      await events.close();
      throw error;
    },
  );
  const unsubscribe = bus.subscribe(0, (event) => {
    if (isHistory(event)) events.write(event);
    if (isNumbers(event)) metrics.write(event);
  });
  return {
    worker: (line) => {
      metrics.write(line);
    },
    flush: async () => {
      await Promise.all([events.flush(), metrics.flush()]);
    },
    close: async () => {
      unsubscribe();
      await Promise.all([events.close(), metrics.close()]);
    },
  };
}

function isHistory(event: RunEvent): boolean {
  if (event.type === 'preparing') return event.total > 0 && event.done >= event.total;
  return event.type !== 'step';
}

function isNumbers(event: RunEvent): boolean {
  return event.type === 'step' || event.type === 'epoch' || event.type === 'test';
}
