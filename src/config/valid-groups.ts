import type { z } from 'zod';
import { configSchema, type UserConfig } from './schema.js';

/**
 * The top-level groups of a faulty document that are valid by themselves, defaults filled in, so that one fault does not hide
 * those of other groups. Keys that do not exist are passed over; `issues` names them.
 */
export function validGroups(
  document: unknown,
  issues: readonly z.core.$ZodIssue[],
): Partial<UserConfig> {
  const known = withoutUnknownKeys(document, issues);
  if (typeof known !== 'object' || known === null) return {};
  const groups = Object.entries(configSchema.shape).flatMap(([key, schema]) => {
    const result = schema.safeParse((known as Record<string, unknown>)[key]);
    return result.success ? [[key, result.data] as const] : [];
  });
  return Object.fromEntries(groups);
}

function withoutUnknownKeys(document: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy: unknown = structuredClone(document);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const parent = issue.path.reduce<unknown>(
      (value, part) => (value as Record<PropertyKey, unknown>)[part],
      copy,
    );
    for (const key of issue.keys) Reflect.deleteProperty(parent as object, key);
  }
  return copy;
}
