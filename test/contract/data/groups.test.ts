import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataSpec } from '../../../src/config/run-spec.js';
import type { Manifest } from '../../../src/data/manifest.js';
import { DataFolder, failure } from './data-folder.js';

let folder: DataFolder;
beforeEach(async () => {
  folder = await DataFolder.create();
});
afterEach(async () => {
  await folder.remove();
});

const byGroups = (groupBy: string): Partial<DataSpec> => ({
  split: { train: 0.6, val: 0.2, test: 0.2, groupBy },
});

/** 12 patients with 2 to 4 images, of 2 classes. */
const images = Array.from({ length: 12 }, (_, patient) =>
  Array.from({ length: 2 + (patient % 3) }, (_unused, i) => ({
    path: `${patient % 2 === 0 ? 'ill' : 'well'}/p${patient}_${i}.png`,
    label: patient % 2 === 0 ? 'ill' : 'well',
    patient: `p${patient}`,
  })),
).flat();

async function table(name: string, text: string): Promise<string> {
  await folder.put(...images.map(({ path }) => path));
  await folder.putBytes(name, text);
  return join(folder.root, name);
}

/** The splits that each patient's images are in. */
function splitsOfPatients(manifest: Manifest): string[][] {
  const found = new Map<string, Set<string>>();
  for (const { id, split } of manifest.samples) {
    const patient = /p\d+/.exec(id)![0];
    found.set(patient, (found.get(patient) ?? new Set()).add(split));
  }
  return [...found.values()].map((splits) => [...splits]);
}

function expectWholePatients(manifest: Manifest): void {
  const splits = splitsOfPatients(manifest);
  expect(splits).toHaveLength(12);
  expect(splits.every(({ length }) => length === 1)).toBe(true);
  expect(new Set(splits.flat())).toEqual(new Set(['train', 'val', 'test']));
}

const csv = ['path,label,patient', ...images.map((i) => `${i.path},${i.label},${i.patient}`)];
const pattern = '/(p\\d+)_/';

describe('data.split.groupBy', () => {
  it('keeps images together by a column of a manifest, by a field, by a pattern: to the same splits', async () => {
    // Without it, images of a patient do come apart.
    const source = await table('list.csv', csv.join('\n'));
    const torn = splitsOfPatients(await folder.make({ source }));
    expect(torn.some(({ length }) => length > 1)).toBe(true);

    const byColumn = await folder.make({ source, ...byGroups('patient') });
    expectWholePatients(byColumn);
    const lines = images.map((image) => JSON.stringify(image)).join('\n');
    const jsonl = await folder.make({
      source: await table('list.jsonl', lines),
      ...byGroups('patient'),
    });
    expect(jsonl.hash).toBe(byColumn.hash);
    const byPattern = await folder.make(byGroups(pattern));
    expect(byPattern.hash).toBe(byColumn.hash);
    const rules = join(folder.dir, 'rules.yaml');
    await writeFile(
      rules,
      'apiVersion: ftctl/v1\nkind: ClassRules\ntable: t.json\nimage: "{path}"\nclasses:\n' +
        '  - { name: ill, when: { label: ill } }\n  - { name: well, when: { label: well } }\n',
    );
    await folder.putBytes('t.json', JSON.stringify(images));
    const byField = await folder.make({ rules, ...byGroups('patient') });
    expect(byField.hash).toBe(byColumn.hash);
  });

  it('takes the whole match of a pattern without parentheses', async () => {
    await table('list.csv', csv.join('\n'));
    expect((await folder.make(byGroups('/p\\d+/'))).hash).toBe(
      (await folder.make(byGroups(pattern))).hash,
    );
  });

  it('holds for a group whatever else is in the data', async () => {
    await table('list.csv', csv.join('\n'));
    const [one, other] = [
      await folder.make(byGroups(pattern)),
      await folder.make({ ...byGroups(pattern), imageSize: 8 }),
    ];
    expect(other.hash).toBe(one.hash);
  });

  it.each([
    [
      'other',
      'data.split.groupBy is other, and LIST has no such column. It has: path, label, patient.',
    ],
    [
      '/q(\\d)/',
      'data.split.groupBy is /q(\\d)/, which finds nothing in 36 of 36 paths: ill/p0_0.png, ill/p0_1.png, well/p1_0.png, well/p1_1.png, well/p1_2.png and 31 more.',
    ],
  ])('that does not fit is refused: %s', async (groupBy, message) => {
    const source = await table('list.csv', csv.join('\n'));
    expect(await failure(folder.make({ source, ...byGroups(groupBy) }))).toEqual([
      'FT_DATA_GROUP_BY',
      message.replace('LIST', source),
    ]);
  });

  it('that names a column is refused for a folder', async () => {
    await table('list.csv', csv.join('\n'));
    expect(await failure(folder.make(byGroups('patient')))).toEqual([
      'FT_DATA_GROUP_BY',
      `data.split.groupBy is patient, and ${folder.root} has no columns. A .csv or .jsonl manifest has columns, and the table of a rule file.`,
    ]);
  });

  it('refuses a row without a group', async () => {
    const rows = csv.map((line, i) => (i === 3 ? line.replace(/p1$/, '') : line));
    const source = await table('list.csv', rows.join('\n'));
    expect(await failure(folder.make({ source, ...byGroups('patient') }))).toEqual([
      'FT_DATA_MANIFEST_ROW',
      `Line 4 of ${source} cannot be used: it has no patient, by which the images are to be grouped.`,
    ]);
  });

  it('finds a group that the own splits of the data tear', async () => {
    const rows = csv.map(
      (line, i) => `${line},${i === 0 ? 'split' : i % 9 === 0 ? 'val' : 'train'}`,
    );
    const source = await table('list.csv', rows.join('\n'));
    const [code, message] = await failure(folder.make({ source, ...byGroups('patient') }));
    expect(code).toBe('FT_DATA_GROUP_LEAK');
    expect(message).toBe(
      `${source} brings its own splits, and 4 of 12 groups are in more than one of them: p2, p5, p8, p11. What is learned of a group in train would be recognised in val and test.`,
    );
    const whole = csv.map(
      (line, i) => `${line},${i === 0 ? 'split' : /p(10|11)$/.test(line) ? 'val' : 'train'}`,
    );
    await folder.putBytes('list.csv', whole.join('\n'));
    expect((await folder.make({ source, ...byGroups('patient') })).samples).toHaveLength(36);
  });

  it('refuses fewer groups than splits', async () => {
    await table('list.csv', csv.join('\n'));
    const [code, message] = await failure(folder.make(byGroups('/^(ill|well)/')));
    expect([code, message]).toEqual([
      'FT_DATA_GROUPS_TOO_FEW',
      'The images are in 2 groups, and no group can go to val and test. A group is in one split, and every class must be in train.',
    ]);
  });
});
