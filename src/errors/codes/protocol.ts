import type { CatalogueEntry } from '../catalogue.js';

export const protocolCodes = {} as const satisfies Record<string, CatalogueEntry>;
