import type { CatalogueEntry } from './catalogue-entry.js';
import { configCodes } from './codes/config.js';
import { dataCodes } from './codes/data.js';
import { environmentCodes } from './codes/environment.js';
import { featureCodes } from './codes/features.js';
import { launchCodes } from './codes/launch.js';
import { modelCodes } from './codes/model.js';
import { protocolCodes } from './codes/protocol.js';
import { rpcCodes } from './codes/rpc.js';
import { trainCodes } from './codes/train.js';
import { weightsCodes } from './codes/weights.js';

/** Every code that ftctl can print. Codes are permanent; `docs/errors.md` lists the same ones (tested). */
export const catalogue = {
  ...configCodes,
  ...dataCodes,
  ...modelCodes,
  ...weightsCodes,
  ...featureCodes,
  ...trainCodes,
  ...protocolCodes,
  ...rpcCodes,
  ...launchCodes,
  ...environmentCodes,
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;

export type { CatalogueEntry, ExitCode } from './catalogue-entry.js';
