import { enumCodec } from './convert.js';

/** `graceful`: at the next step, with a checkpoint. `now`: at once. */
export type StopMode = 'graceful' | 'now';

export const stopMode = enumCodec('stop mode', {
  graceful: 'STOP_MODE_GRACEFUL',
  now: 'STOP_MODE_NOW',
} as const);
