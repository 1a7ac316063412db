import { z } from 'zod';

const name = z.string().min(1);

/** Parts of a network, by name or glob: one, or a list of at least one. */
export const patterns = z.union([name, z.array(name).min(1)]);

/** The same, of which there may be none. */
export const patternsOrNone = z.union([name, z.array(name)]);
