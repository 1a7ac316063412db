import type { CatalogueEntry } from '../catalogue.js';

export const configCodes = {} as const satisfies Record<string, CatalogueEntry>;
