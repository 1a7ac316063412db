/**
 * torch.optim.lr_scheduler.CosineAnnealingLR in its closed form (SGDR, Loshchilov and Hutter 2017, equation 5, without restarts):
 *
 *     minRate + (rate - minRate) * (1 + cos(pi * epoch / epochs)) / 2
 *
 * from `rate` at epoch 0 to `minRate` at `epochs`, after which it rises again, as PyTorch's does. PyTorch makes each epoch's rate from
 * the one before it, which is this formula up to rounding.
 */
export function cosineRate(
  rate: number,
  { epochs, minRate }: { readonly epochs: number; readonly minRate: number },
  epoch: number,
): number {
  return minRate + ((rate - minRate) * (1 + Math.cos((Math.PI * epoch) / epochs))) / 2;
}
