import { Counter, Gauge, Registry } from 'prom-client';

/** One number of a metric, with the values of the metric's labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric of a process whose current readings are an `R`. */
export interface MetricDefinition<R> {
  /** `ftctl_...`, base units (seconds, bytes, ratio); a counter's ends in `_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Current value, or one for each combination of labels; null: there is none yet. */
  readonly read: (readings: R) => number | null | readonly Sample[];
}

/** What a process has to show to Prometheus. */
export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

/**
 * All metrics are pulled: a scrape takes the readings once and shows them all, so that they fit together and cost
 * nothing between scrapes. `labels` are on every line (run, slot).
 */
export function makeExposition<R>(options: {
  definitions: readonly MetricDefinition<R>[];
  labels: Readonly<Record<string, string>>;
  read: () => R;
}): Exposition {
  const registry = new Registry();
  registry.setDefaultLabels(options.labels);
  const metrics = options.definitions.map((definition) => {
    const { name, help, type } = definition;
    const config = { name, help, labelNames: definition.labels ?? [], registers: [registry] };
    const metric = type === 'counter' ? new Counter(config) : new Gauge(config);
    return { definition, metric };
  });
  return {
    contentType: registry.contentType,
    text: () => {
      const readings = options.read();
      for (const { definition, metric } of metrics) {
        metric.reset();
        // A metric without labels is zero after a reset, which would be a claim where there is no value yet.
        if (definition.labels === undefined) metric.remove();
        for (const { labels, value } of samplesOf(definition, readings)) {
          metric.inc({ ...labels }, value);
        }
      }
      return registry.metrics();
    },
  };
}

function samplesOf<R>(definition: MetricDefinition<R>, readings: R): readonly Sample[] {
  const value = definition.read(readings);
  if (value === null) return [];
  return typeof value === 'number' ? [{ labels: {}, value }] : value;
}

/** One sample for each entry of a record, its key as the value of `label`. */
export function byLabel(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
}
