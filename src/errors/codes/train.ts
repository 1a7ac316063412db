import type { CatalogueEntry } from '../catalogue.js';

export const trainCodes = {} as const satisfies Record<string, CatalogueEntry>;
