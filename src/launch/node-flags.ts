/**
 * V8's options for the processes of a run. A worker's loop moves vectors of some 100 KB at each step; V8 lets several
 * threads collect them, and where there are more workers than cores the loop stands still until all those threads have
 * had a core. One thread alone, with a nursery that seldom fills, keeps it from turning for a shorter time. Arrays are freed by another thread all
 * the same, once nobody has them: of 187 MB (the state of a whole resnet18) it takes 15 ms to give back the pages.
 */
export const nodeFlags: readonly string[] = [
  '--single-threaded-gc',
  '--concurrent-array-buffer-sweeping',
  '--max-semi-space-size=32',
];
