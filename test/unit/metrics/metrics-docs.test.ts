import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { coordinatorMetrics } from '../../../src/metrics/coordinator-metrics.js';
import { timeBuckets } from '../../../src/metrics/timeline.js';
import { workerMetrics } from '../../../src/metrics/worker-metrics.js';

interface Row {
  readonly name: string;
  readonly type: string;
  readonly labels: string;
  readonly help: string;
}

const text = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');

/** Rows `| \`ftctl_...\` | type | labels | help |` between two headings. */
function documented(heading: string): Row[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(ftctl_\w+)` +\| (\w+) +\| (.*?) *\| (.*?) *\|$/gm)].map(
    ([, name, type, labels, help]) => ({ name: name!, type: type!, labels: labels!, help: help! }),
  );
}

const inCode = (definitions: typeof workerMetrics | typeof coordinatorMetrics): Row[] =>
  definitions.map(({ name, type, labels, help }) => ({
    name,
    type,
    labels: labels === undefined ? '' : labels.map((label) => `\`${label}\``).join(', '),
    help,
  }));

const shared = new Set(coordinatorMetrics.map(({ name }) => name));
const isShared = ({ name }: Row) => shared.has(name) && workerMetrics.some((m) => m.name === name);

describe('docs/metrics.md', () => {
  it('lists exactly the metrics of a worker', () => {
    expect(documented('Workers')).toEqual(inCode(workerMetrics).filter((row) => !isShared(row)));
  });

  it('lists exactly the metrics of the coordinator', () => {
    expect(documented('Coordinator')).toEqual(
      inCode(coordinatorMetrics).filter((row) => !isShared(row)),
    );
  });

  it('lists exactly the metrics that both have', () => {
    expect(documented('Every process')).toEqual(inCode(workerMetrics).filter(isShared));
  });

  it('names every time bucket', () => {
    const rows = [...text.matchAll(/^\| `(\w+)` +\| [^|]+\|$/gm)].map(([, name]) => name);
    expect(rows).toEqual([...timeBuckets]);
  });

  it('is about names that keep the rules of Prometheus', () => {
    for (const { name, type } of [...workerMetrics, ...coordinatorMetrics]) {
      expect(name).toMatch(/^ftctl_[a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|kb|mb|percent)(_|$)/);
    }
  });
});
