/** The reason of a path that leads nowhere. */
export const notThere = 'it does not exist';

/** Why a file or folder could not be read, in words that follow its name: `a.png: it does not exist`. */
export function readFailure(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return notThere;
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be read (permissions)';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'ELOOP') return 'it is a link that leads back to itself';
  return `it cannot be read (${error instanceof Error ? error.message : String(error)})`;
}
