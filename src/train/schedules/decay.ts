/*
 * PyTorch's chained schedulers multiply the rate by gamma when an epoch begins, one epoch after the other, which rounds otherwise than
 * a power does; so the products are made in the same order here, and have the same bits. Epochs count from 0.
 */

/** torch.optim.lr_scheduler.StepLR: times gamma at each multiple of `stepSize`. */
export function stepRate(rate: number, stepSize: number, gamma: number, epoch: number): number {
  return decayed(rate, gamma, Math.floor(epoch / stepSize));
}

/** torch.optim.lr_scheduler.MultiStepLR: times gamma at each milestone, as often as it is in the list, in any order. */
export function multistepRate(
  rate: number,
  milestones: readonly number[],
  gamma: number,
  epoch: number,
): number {
  const passed = milestones.filter((milestone) => milestone <= epoch);
  return decayed(rate, gamma, passed.length);
}

/** torch.optim.lr_scheduler.ExponentialLR: times gamma in each epoch but the first. */
export function exponentialRate(rate: number, gamma: number, epoch: number): number {
  return decayed(rate, gamma, epoch);
}

function decayed(rate: number, gamma: number, times: number): number {
  let product = rate;
  for (let i = 0; i < times; i += 1) product *= gamma;
  return product;
}
