import { spawnSync } from 'node:child_process';

/** An interpreter that can import some modules, or why there is none. */
export type Python =
  { readonly path: string } | { readonly path: undefined; readonly reason: string };

/**
 * The Python that FTCTL_PYTHON names, else `python3`, if it has the modules. A test that needs it is skipped without it, and prints
 * the reason once.
 */
export function findPython(modules: readonly string[]): Python {
  const path = process.env['FTCTL_PYTHON'] ?? 'python3';
  const { status, error, stderr } = spawnSync(path, ['-c', `import ${modules.join(', ')}`], {
    encoding: 'utf8',
  });
  if (status === 0) return { path };
  const why = error?.message ?? stderr.trim().split('\n').at(-1) ?? `it ended with ${status}`;
  const reason = `skipped: ${path} does not import ${modules.join(', ')} (${why}); FTCTL_PYTHON names another`;
  console.warn(reason);
  return { path: undefined, reason };
}
