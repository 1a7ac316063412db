import type { CatalogueEntry } from '../catalogue.js';

export const dataCodes = {} as const satisfies Record<string, CatalogueEntry>;
