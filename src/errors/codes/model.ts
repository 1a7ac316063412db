import type { CatalogueEntry } from '../catalogue.js';

export const modelCodes = {} as const satisfies Record<string, CatalogueEntry>;
