import { configCodes } from './codes/config.js';
import { dataCodes } from './codes/data.js';
import { environmentCodes } from './codes/environment.js';
import { featureCodes } from './codes/features.js';
import { launchCodes } from './codes/launch.js';
import { modelCodes } from './codes/model.js';
import { protocolCodes } from './codes/protocol.js';
import { rpcCodes } from './codes/rpc.js';
import { trainCodes } from './codes/train.js';

/**
 * 0 finished; 1 a bug of ours; 2 usage or configuration; 3 data or weights; 4 training failed;
 * 5 environment (port, disk, engine); 130 interrupted, with a checkpoint.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 130;

/** One permanent code: `summary` says what it means, `remedy` is what a user can do about it. */
export interface CatalogueEntry {
  readonly exit: ExitCode;
  readonly summary: string;
  readonly remedy: string;
}

/** Every code that ftctl can print. Codes are permanent; `docs/errors.md` lists the same ones (tested). */
export const catalogue = {
  ...configCodes,
  ...dataCodes,
  ...modelCodes,
  ...featureCodes,
  ...trainCodes,
  ...protocolCodes,
  ...rpcCodes,
  ...launchCodes,
  ...environmentCodes,
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;
