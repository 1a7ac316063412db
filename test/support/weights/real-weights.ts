import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Real weights for tests, beside the checkout or where FTCTL_SHARED says. */
const shared =
  process.env['FTCTL_SHARED'] ?? fileURLToPath(new URL('../../../../shared', import.meta.url));

/** torchvision's squeezenet1_0, as published. A test that needs it is skipped without it. */
export const squeezenetWeights = join(shared, 'weights', 'squeezenet1_0.imagenet.safetensors');
export const hasSqueezenetWeights = existsSync(squeezenetWeights);
if (!hasSqueezenetWeights) {
  console.warn(`skipped: there is no ${squeezenetWeights}; FTCTL_SHARED names another folder`);
}
