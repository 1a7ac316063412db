import type { KeyPath } from './key-path.js';
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
export function unused(value: string | null, path: KeyPath, reason: string): Problem[] {
  return unusedIf(value !== null, path, reason);
}

/** {@link unused} of a key that says by another value than null that it is set. */
export function unusedIf(isSet: boolean, path: KeyPath, reason: string): Problem[] {
  if (!isSet) return [];
  return [
    {
      code: 'FT_CONFIG_CONFLICT',
      path,
      what: `${path.join('.')} has no use here: ${reason}.`,
      remedy: `Remove ${path.join('.')}.`,
    },
  ];
}

/** Values that cannot be beside each other; `path` is the one to change. */
export function conflict(path: KeyPath, what: string, why: string, remedy: string): Problem {
  return { code: 'FT_CONFIG_CONFLICT', path, what, why, remedy };
}
