/**
 * V8's options for the processes of a run. A worker's loop moves vectors of some 100 KB at each step; V8 lets several
 * threads collect them, and where there are more workers than cores the loop stands still until all those threads have
 * had a core. One thread alone, with a nursery that seldom fills, keeps it from turning for a shorter time.
 */
export const nodeFlags: readonly string[] = ['--single-threaded-gc', '--max-semi-space-size=32'];
