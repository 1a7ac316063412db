import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Instruction sets that numerical libraries choose their kernels by, as /proc/cpuinfo calls them (x86, then Arm). */
const relevant = new Set([
  'sse4_1',
  'avx',
  'f16c',
  'fma',
  'avx2',
  'avx_vnni',
  'avx512f',
  'avx512bw',
  'avx512dq',
  'avx512vl',
  'avx512_vnni',
  'avx512_bf16',
  'avx512_fp16',
  'amx_tile',
  'amx_int8',
  'amx_bf16',
  'asimd',
  'asimddp',
  'asimdhp',
  'bf16',
  'i8mm',
  'sve',
  'sve2',
  'sme',
]);

/** The relevant flags of the first processor in the text of /proc/cpuinfo, sorted; undefined if it lists none. */
export function parseCpuFlags(cpuinfo: string): string[] | undefined {
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1];
  return flags
    ?.split(/\s+/)
    .filter((flag) => relevant.has(flag))
    .sort();
}

/** The processor's instruction class; where the system does not list its flags, the processor's model name. */
export function cpuClass(): readonly string[] {
  try {
    const flags = parseCpuFlags(readFileSync('/proc/cpuinfo', 'utf8'));
    if (flags !== undefined) return flags;
  } catch {
    // Not Linux.
  }
  return [cpus()[0]?.model ?? 'unknown'];
}
