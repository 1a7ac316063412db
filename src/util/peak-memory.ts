import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has had resident, in bytes. Linux tells it by itself (VmHWM); what `getrusage` says of a process may be
 * that of the one that started it.
 */
export function peakMemoryBytes(): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (line !== null) return Number(line[1]) * 1024;
  } catch {
    // Another system.
  }
  // In kilobytes, whatever the system.
  return process.resourceUsage().maxRSS * 1024;
}
