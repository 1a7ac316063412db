import { writeFileAtomic } from '../util/atomic-file.js';

/** One process that Prometheus can scrape. */
export interface ScrapeTarget {
  /** `host:port`. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Writes a target list for Prometheus' `file_sd_configs`, which reads it anew whenever it changes; hence atomically.
 * Rejects with FT_DISK_FULL or FT_NOT_WRITABLE.
 */
export async function writeScrapeTargets(
  path: string,
  targets: readonly ScrapeTarget[],
): Promise<void> {
  const groups = targets.map(({ address, labels }) => ({ targets: [address], labels }));
  await writeFileAtomic(path, `${JSON.stringify(groups, null, 2)}\n`);
}
