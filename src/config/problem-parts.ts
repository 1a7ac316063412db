import type { Problem } from './problems.js';

/** The pinned hash of an npm package is not there. */
export function missingIntegrity(path: readonly string[], reference: string): Problem {
  const name = reference.slice('npm:'.length).replace(/#.*/, '');
  return {
    code: 'FT_CONFIG_MISSING_KEY',
    path,
    what: `${path.join('.')} is missing.`,
    why: `The tarball of npm:${name} is compared with a pinned sha512 before it is unpacked.`,
    remedy: `Set it to what \`npm view ${name} dist.integrity\` prints.`,
  };
}

/** A key that is set where it can have no effect; none for null. */
export function unused(value: string | null, path: readonly string[], reason: string): Problem[] {
  if (value === null) return [];
  return [
    {
      code: 'FT_CONFIG_CONFLICT',
      path,
      what: `${path.join('.')} has no use here: ${reason}.`,
      remedy: `Remove ${path.join('.')}.`,
    },
  ];
}
