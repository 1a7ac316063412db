import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { root, run } from './support.js';

/** Paths of the files that `npm pack` puts into the tarball. */
async function packed(): Promise<string[]> {
  const { stdout, code } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
  });
  expect(code).toBe(0);
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
}

it('links of the documents in the package lead to files of the package', async () => {
  const files = await packed();
  expect(files).toContain('README.md');
  const documents = files.filter((path) => path.endsWith('.md'));
  const broken = documents.flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !/^\w+:/.test(link))
      .map((link) => normalize(join(dirname(path), link)))
      .filter((target) => !files.some((file) => file === target || file.startsWith(`${target}/`)))
      .map((target) => `${path}: ${target}`);
  });
  expect(broken).toEqual([]);
});
