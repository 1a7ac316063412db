import type { LocalReport, RoundReport } from '../rpc/control-messages.js';
import type { GenerationId } from '../rpc/generation.js';
import type { RoundOutcome } from '../train/trainer.js';

export interface ReporterOptions {
  /** Reports wait at most about this long for each other: a step takes a few milliseconds, a message its share. */
  readonly everyMs: number;
  readonly nowMs: () => number;
  readonly send: (report: RoundReport) => void;
  /** The worker's own share, since it was last asked. */
  readonly local: () => LocalReport;
}

/** Batches round reports. The own share is told once per batch, with its last report. */
export class Reporter {
  readonly #options: ReporterOptions;
  #waiting: Omit<RoundReport, 'local'>[] = [];
  #sentMs: number;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#sentMs = options.nowMs();
  }

  /** An applied round. Sent at once, with all before it, if it is no step: evaluations are rare and awaited. */
  add(generation: GenerationId, outcome: RoundOutcome, ledger: string): void {
    const { plan, split, samples, loss, accuracy, learningRate, epochTraining } = outcome;
    const { round, kind, phase, epoch } = plan;
    const step = plan.kind === 'step' ? plan.step : 0;
    this.#waiting.push({
      ...{ generation, round, kind, phase, epoch, step, ledger },
      ...{ split, samples, loss, accuracy, learningRate, epochTraining },
    });
    const { nowMs, everyMs } = this.#options;
    if (kind !== 'step' || outcome.finished || nowMs() - this.#sentMs >= everyMs) this.flush();
  }

  /** Sends what waits. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#sentMs = this.#options.nowMs();
    const local = this.#options.local();
    const untold: LocalReport = { ...local, seconds: {}, longestBlockMs: 0 };
    waiting.forEach((report, index) => {
      const isLast = index === waiting.length - 1;
      this.#options.send({ ...report, local: isLast ? local : untold });
    });
  }
}
