import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataSpec } from '../../../src/config/run-spec.js';
import { inspectData } from '../../../src/data/inspect.js';
import type { FtctlError } from '../../../src/errors/index.js';
import { dataSpec } from '../../support/data/data-spec.js';
import { DataFolder, failure } from './data-folder.js';

let folder: DataFolder;
beforeEach(async () => {
  folder = await DataFolder.create();
});
afterEach(async () => {
  await folder.remove();
});

describe('makeManifest of a table', () => {
  const table = async (name: string, text: string): Promise<Partial<DataSpec>> => {
    await mkdir(dirname(join(folder.root, name)), { recursive: true });
    await writeFile(join(folder.root, name), text);
    return { source: join(folder.root, name) };
  };

  it('reads CSV with other columns, quotes, a byte order mark and paths of any form', async () => {
    await folder.put('x/1.png', 'x/2.png', 'x/3.png', 'x/4, 5.png');
    const spec = await table(
      'data.csv',
      `\uFEFFid,label,path\r\n1,cat,x/1.png\r\n2,cat,./x/2.png\r\n3,dog,${folder.root}/x/3.png\r\n\r\n4,dog,"x/4, 5.png"\r\n`,
    );
    const manifest = await folder.make(spec);
    expect(manifest.classNames).toEqual(['cat', 'dog']);
    expect(manifest.samples.map(({ id, label }) => [id, label])).toEqual([
      ['x/1.png', 0],
      ['x/2.png', 0],
      ['x/3.png', 1],
      ['x/4, 5.png', 1],
    ]);
  });

  it('reads JSONL with splits and numbers for labels', async () => {
    await folder.put('1.png', '2.png', '3.png');
    const spec = await table(
      'data.jsonl',
      [
        '{"path":"1.png","label":7,"split":"train"}',
        '{"path":"2.png","label":8,"split":"train"}',
        '',
        '{"path":"3.png","label":7,"split":"validation"}',
      ].join('\n'),
    );
    const manifest = await folder.make(spec);
    expect(manifest.samples.map(({ label, split }) => [label, split])).toEqual([
      [0, 'train'],
      [1, 'train'],
      [0, 'val'],
    ]);
  });

  it.each([
    [
      'a.csv',
      'file,label\n1.png,cat\n',
      1,
      'the header has no column `path` (it has: file, label)',
    ],
    ['a.csv', 'path;label\n1.png;cat\n', 1, 'the header has no column `path` (it has: path;label)'],
    [
      'a.csv',
      'path,label\n1.png,cat\n2.png\n',
      3,
      'it is not valid CSV (Invalid Record Length: expect 2, got 1 on line 3)',
    ],
    ['a.csv', 'path,label\n1.png,cat\n,dog\n', 3, 'it has no path'],
    ['a.csv', 'path,label\n1.png,\n', 2, 'it has no label'],
    [
      'a.csv',
      'path,label,split\n1.png,a,train\n2.png,b,\n',
      3,
      'it has no split, and earlier rows have',
    ],
    [
      'a.csv',
      'path,label,split\n1.png,a,\n2.png,b,val\n',
      3,
      'it has a split, and earlier rows have not',
    ],
    [
      'a.csv',
      'path,label,split\n1.png,a,dev\n',
      2,
      'its split is "dev", not one of train, val, valid, validation, test',
    ],
    ['a.jsonl', '{"path":"1.png","label":"a"}\n{"path":\n', 2, 'it is not valid JSON'],
    ['a.jsonl', '["1.png"]\n', 1, 'it is no JSON object'],
    ['a.jsonl', '{"path":"1.png","label":["a"]}\n', 1, 'it has no label'],
  ])('names the line of a bad row: %s %j', async (name, text, line, reason) => {
    const spec = await table(name, text);
    expect(await failure(folder.make(spec))).toEqual([
      'FT_DATA_MANIFEST_ROW',
      `Line ${line} of ${spec.source!} cannot be used: ${reason}.`,
    ]);
  });

  it('says by what the columns of a table are separated, where that is no comma', async () => {
    for (const [text, by] of [
      ['path;label\n1.png;cat\n', 'semicolons'],
      ['path\tlabel\n1.png\tcat\n', 'tabs'],
    ] as const) {
      const error = await folder
        .make(await table('a.csv', text))
        .catch((reason: unknown) => reason as FtctlError);
      expect(error).toMatchObject({
        remedy: `Its columns are separated by ${by}: write it with commas (a spreadsheet can be told so when it saves a CSV).`,
      });
    }
  });

  it('says what paths count from, where none of a manifest exists, whatever is to become of bad files', async () => {
    const rows = ['path,label', 'img/1.png,a', 'img/2.png,a', 'img/3.png,b', 'img/4.png,b'];
    const spec = await table('lists/a.csv', rows.join('\n'));
    const expected = [
      'FT_DATA_NOT_FOUND',
      `None of the 4 paths in ${spec.source!} exists. A relative path counts from the manifest's folder, ${dirname(spec.source!)}: the first is img/1.png.`,
    ];
    expect(await failure(folder.make(spec))).toEqual(expected);
    expect(await failure(folder.make({ ...spec, onBadFile: 'skip' }))).toEqual(expected);
    const report = await inspectData(
      { ...dataSpec(folder.root, 4), ...spec },
      { seed: 1, cacheDir: join(folder.dir, 'cache') },
    );
    expect(report.problems.map(({ code, message }) => [code, message])).toEqual([expected]);
    await folder.put('lists/img/1.png');
    expect((await failure(folder.make(spec)))[0]).toBe('FT_DATA_BAD_FILES');
  });

  it('refuses the same image twice, however it is written', async () => {
    const spec = await table('a.csv', 'path,label\n1.png,a\n2.png,a\n./1.png,b\n');
    expect(await failure(folder.make(spec))).toEqual([
      'FT_DATA_DUPLICATE_PATH',
      `${spec.source!} lists 1.png on lines 2 and 4.`,
    ]);
  });

  it('refuses an empty table and a file of another kind', async () => {
    const spec = await table('a.csv', 'path,label\n');
    expect(await failure(folder.make(spec))).toEqual([
      'FT_DATA_EMPTY',
      `${spec.source!} lists no images.`,
    ]);
    const text = await table('a.txt', '');
    expect(await failure(folder.make(text))).toEqual([
      'FT_DATA_SOURCE',
      `The data source ${text.source!} is neither a manifest (.csv or .jsonl) nor an archive (tar, tar.gz or zip).`,
    ]);
  });

  it('counts a listed file that is not there as one that cannot be used', async () => {
    await folder.put('1.png');
    const spec = await table('a.csv', 'path,label\n1.png,a\n2.png,a\n3.png,b\n4.png,b\n');
    const error = await folder.make(spec).catch((reason: unknown) => reason as FtctlError);
    expect(error).toMatchObject({
      message: [
        `3 of 4 images in ${spec.source!} cannot be used:`,
        '  2.png (line 3): it does not exist',
        '  3.png (line 4): it does not exist',
        '  4.png (line 5): it does not exist',
      ].join('\n'),
      remedy:
        "Correct or remove the rows (a relative path counts from the manifest's folder), repair the files, or set `data.onBadFile: skip` to train without them.",
    });
  });

  it('names itself and lines where its classes or splits cannot be used', async () => {
    const one = await table('a.csv', 'path,label\n1.png,a\n2.png,a\n3.png,b\n');
    expect(await failure(folder.make(one))).toEqual([
      'FT_DATA_CLASS_TOO_SMALL',
      `Class b of ${one.source!} has one image (line 4). Train and val need one each, so a class needs 2 at least.`,
    ]);
    const row = (path: string, label: string, split: string): string =>
      JSON.stringify({ path, label, split });
    const rows = [row('1.png', 'a', 'train'), row('2.png', 'b', 'train')];
    const val = await table('b.jsonl', rows.join('\n'));
    expect(await failure(folder.make(val))).toEqual([
      'FT_DATA_SPLIT',
      `${val.source!} brings its own splits, and has no val images. The best epoch is chosen on val.`,
    ]);
    const more = [...rows, row('3.png', 'a', 'val'), row('4.png', 'c', 'val')];
    const untrained = await table('c.jsonl', more.join('\n'));
    expect(await failure(folder.make(untrained))).toEqual([
      'FT_DATA_EMPTY_CLASS',
      `Class c of ${untrained.source!} has no train images (line 4).`,
    ]);
  });

  it.each([
    ['a.csv', 'file,label\n1.png,cat\n', /^The first line of a CSV names the columns: /],
    ['a.csv', 'path,label\n1.png,a,b\n', /^Give each row as many fields as the header has; /],
    ['a.csv', 'path,label\n,dog\n', /^Fill the column `path` in this row, /],
    ['a.csv', 'path,label,split\n1.png,a,dev\n', /^A split is one of train, val, valid, /],
    ['a.jsonl', '{"path":\n', /^Write one object in a line, such as \{"path": /],
    ['a.jsonl', '{"path":"1.png"}\n', /^Give the object of this line a "label" /],
    ['a.jsonl', '{"path":"1.png","label":1,"split":2}\n', /^A split is one of train, val, /],
  ])('gives advice that fits its kind and its fault: %s %j', async (name, text, remedy) => {
    const spec = await table(name, text);
    const error = await folder.make(spec).catch((reason: unknown) => reason as FtctlError);
    expect(error).toMatchObject({ remedy: expect.stringMatching(remedy) as string });
  });
});

describe('makeManifest by a rule file', () => {
  const records = [
    { image: '1.png', group: 'x', kind: 'a', has: true },
    { image: '2.png', group: 'x', kind: 'b', has: true },
    { image: '3.png', group: 'y', kind: 'a', has: true },
    { image: '4.png', group: 'y', kind: 'c', has: true },
    { image: '5.png', group: 'y', kind: 'c', has: false },
    { image: '6.png', group: 'z', kind: 'd', has: true },
  ];
  const head = 'apiVersion: ftctl/v1\nkind: ClassRules\ntable: table.json\nimage: img/{image}\n';

  const withRules = async (rules: string): Promise<Partial<DataSpec>> => {
    await folder.putBytes('table.json', JSON.stringify(records));
    await folder.put(...records.map(({ image: name }) => `img/${name}`));
    const path = join(folder.dir, 'rules.yaml');
    await writeFile(path, rules);
    return { rules: path, split: { train: 1, val: 0, test: 0, groupBy: null } };
  };

  it('takes the first rule that fits, after where and leaveOut', async () => {
    const spec = await withRules(
      `${head}where: { has: true }\nleaveOut: [{ group: z }]\nclasses:\n` +
        '  - { name: bees, when: { kind: [b, c] } }\n  - { name: rest, when: { group: [x, y] } }\n',
    );
    const manifest = await folder.make(spec);
    expect(manifest.classNames).toEqual(['bees', 'rest']);
    expect(manifest.samples.map(({ id, label }) => [id, label])).toEqual([
      ['img/1.png', 1],
      ['img/2.png', 0],
      ['img/3.png', 1],
      ['img/4.png', 0],
    ]);
  });

  it.each([
    ['classes: []\n', 'classes: Too small: expected array to have >=1 items'],
    ['classes: [{ name: a, when: { kid: a } }]\n', 'no record of table.json has the field kid'],
    [
      'classes: [{ name: a, when: { kind: a } }]\n',
      'no class fits 4 records (img/2.png, img/4.png, img/5.png, img/6.png)',
    ],
    ['clases: []\n', 'classes: Invalid input: expected array, received undefined'],
    ['classes: [\n', 'it is not valid YAML'],
  ])('refuses rules that do not fit: %j', async (rules, reason) => {
    const [code, message] = await failure(folder.make(await withRules(head + rules)));
    expect(code).toBe('FT_DATA_RULES');
    expect(message).toContain(
      `The rule file ${join(folder.dir, 'rules.yaml')} cannot be used: ${reason}`,
    );
  });

  it('refuses an image outside of the package', async () => {
    const spec = await withRules(
      `${head.replace('img/', '../')}classes: [{ name: a, when: { has: [true, false] } }]\n`,
    );
    expect((await failure(folder.make(spec)))[1]).toContain(
      'the image path ../1.png leads out of the package',
    );
  });

  it('needs rules and a pinned hash for a package', async () => {
    const source = 'npm:some-package@1.0.0';
    expect((await failure(folder.make({ source })))[1]).toBe(
      `data.source is ${source} and data.integrity is not set. A package is used only if its bytes are the ones that you pinned.`,
    );
    expect((await failure(folder.make({ source: 'npm:some-package@latest' })))[1]).toBe(
      'data.source is npm:some-package@latest. A package is written npm:NAME@VERSION, with a full version such as 1.2.3.',
    );
  });
});
