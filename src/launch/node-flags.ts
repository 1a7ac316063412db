/**
 * V8's options for the processes of a run. A worker's loop moves vectors of some 100 KB at each step; V8 lets several
 * threads collect them, and where there are more workers than cores the loop stands still until all those threads have
 * had a core. One thread alone, with a nursery that seldom fills, keeps it from turning for a shorter time. Arrays are freed by another thread all
 * the same, once nobody has them: of 187 MB (the state of a whole resnet18) it takes 15 ms to give back the pages.
 *
 * V8 counts arrays' memory to the old generation, and by itself lets that grow by only some 16 MB before it marks all of it again: a worker
 * that exchanges the gradients of a whole resnet18 (47 MB there, 47 MB back) did so 4 times a step, 20 to 40 ms of processor time each. With
 * five times the size that is left after a collection, it does so once a step.
 */
export const nodeFlags: readonly string[] = [
  '--single-threaded-gc',
  '--concurrent-array-buffer-sweeping',
  '--max-semi-space-size=32',
  '--heap-growing-percent=400',
];
