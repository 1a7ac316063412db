import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { FtctlError } from '../../errors/index.js';
import { readFailure } from '../../util/read-failure.js';
import { byCodeUnits, enumerate, type ListedFile, type Listing } from './listing.js';

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** Field -> value, or values of which one must be there. All fields must fit. */
const condition = z.record(z.string(), z.union([scalar, z.array(scalar).min(1)]));

/** A rule file: how the records of a table in a package become labelled images. */
const ruleFile = z.strictObject({
  apiVersion: z.literal('ftctl/v1'),
  kind: z.literal('ClassRules'),
  /** A JSON array of objects, by its path in the package. */
  table: z.string().min(1),
  /** Path of a record's image in the package; `{field}` stands for the record's value. */
  image: z.string().min(1),
  /** Records that don't fit are not used. */
  where: condition.default({}),
  /** Records that fit one of these are not used. */
  leaveOut: z.array(condition).default([]),
  /** The first rule that fits names the class; a class may have several rules. */
  classes: z.array(z.strictObject({ name: z.string().min(1), when: condition })).min(1),
  /** What a record means that fits no rule. */
  unmatched: z.enum(['fail', 'skip']).default('fail'),
});

type RuleFile = z.infer<typeof ruleFile>;
type Condition = z.infer<typeof condition>;
type TableRecord = Readonly<Record<string, unknown>>;

/**
 * Lists the images of an unpacked package (or any folder) by a rule file; each has the group that the table's field
 * `groupField` says. Rejects with FT_DATA_RULES where the rules are not valid or do not fit the table, FT_DATA_GROUP_BY,
 * FT_DATA_NOT_FOUND where a file is missing.
 */
export async function listByRules(
  root: string,
  rulesPath: string,
  groupField: string | null = null,
): Promise<Listing> {
  const rules = await readRules(rulesPath);
  const records = await readTable(join(root, rules.table));
  checkFields(rulesPath, rules, records);

  const files = new Map<string, ListedFile>();
  const unmatched: string[] = [];
  const isUsed = test(rules.where);
  const leaveOut = rules.leaveOut.map(test);
  const classes = rules.classes.map(({ name, when }) => ({ name, fits: test(when) }));
  for (const record of records) {
    if (!isUsed(record) || leaveOut.some((fits) => fits(record))) continue;
    const path = imagePath(rulesPath, rules.image, record);
    const rule = classes.find(({ fits }) => fits(record));
    if (rule === undefined) {
      unmatched.push(path);
      continue;
    }
    if (files.has(path)) {
      throw new FtctlError('FT_DATA_DUPLICATE_PATH', {
        what: `Two records of ${rules.table} have the image ${path}.`,
        remedy: `Narrow \`where\` in ${rulesPath}, so that one of them is left out.`,
      });
    }
    const group = groupField === null ? undefined : readGroup(root, path, record, groupField);
    files.set(path, { path, classId: rule.name, split: null, group });
  }
  if (rules.unmatched === 'fail' && unmatched.length > 0) {
    throw rulesError(
      rulesPath,
      `no class fits ${unmatched.length} records (${enumerate(unmatched)})`,
      'Add a rule or a `leaveOut`, or set `unmatched: skip`.',
    );
  }
  const classIds = [...new Set(rules.classes.map(({ name }) => name))].sort(byCodeUnits);
  return { root, files: [...files.values()], classIds };
}

async function readRules(path: string): Promise<RuleFile> {
  let content: unknown;
  try {
    content = parseYaml(await readText(path, 'rule file'));
  } catch (error) {
    if (error instanceof FtctlError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw rulesError(path, `it is not valid YAML (${message.split('\n', 1)[0]!})`);
  }
  const parsed = ruleFile.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw rulesError(path, `${issue!.path.join('.') || 'the document'}: ${issue!.message}`);
  }
  return parsed.data;
}

async function readTable(path: string): Promise<TableRecord[]> {
  const text = await readText(path, 'table');
  try {
    const content: unknown = JSON.parse(text);
    const isTable =
      Array.isArray(content) && content.every((item) => typeof item === 'object' && item !== null);
    if (isTable) return content as TableRecord[];
  } catch {
    // Said below, in the same words.
  }
  throw new FtctlError('FT_DATA_RULES', { what: `${path} is no JSON array of objects.` });
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FtctlError('FT_DATA_NOT_FOUND', {
      what: `The ${what} ${path} cannot be read: ${readFailure(error)}.`,
      cause: error,
    });
  }
}

/** A field that no record has is a typing error, which would otherwise pass for a rule that fits nothing. */
function checkFields(rulesPath: string, rules: RuleFile, records: readonly TableRecord[]): void {
  const known = new Set<string>();
  for (const record of records) for (const field of Object.keys(record)) known.add(field);
  const conditions = [rules.where, ...rules.leaveOut, ...rules.classes.map(({ when }) => when)];
  const used = [
    ...conditions.flatMap((when) => Object.keys(when)),
    ...[...rules.image.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!),
  ];
  const unknown = [...new Set(used)].filter((field) => !known.has(field));
  if (unknown.length > 0) {
    throw rulesError(rulesPath, `no record of ${rules.table} has the field ${enumerate(unknown)}`);
  }
}

function test(when: Condition): (record: TableRecord) => boolean {
  const fields = Object.entries(when).map(
    ([field, wanted]) =>
      [field, new Set<unknown>(Array.isArray(wanted) ? wanted : [wanted])] as const,
  );
  return (record) => fields.every(([field, wanted]) => wanted.has(record[field]));
}

function imagePath(rulesPath: string, template: string, record: TableRecord): string {
  const path = posix.normalize(
    template.replace(/\{(\w+)\}/g, (_, field: string) => {
      const value = record[field];
      return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    }),
  );
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw rulesError(rulesPath, `the image path ${path} leads out of the package`);
  }
  return path;
}

function readGroup(root: string, path: string, record: TableRecord, field: string): string {
  const value = record[field];
  if ((typeof value === 'string' && value !== '') || typeof value === 'number') {
    return String(value);
  }
  throw new FtctlError('FT_DATA_GROUP_BY', {
    what: `data.split.groupBy is ${field}, and the record of ${path} in ${root} has no such field.`,
    why: `It has: ${enumerate(Object.keys(record), 20)}.`,
  });
}

function rulesError(path: string, reason: string, remedy?: string): FtctlError {
  return new FtctlError('FT_DATA_RULES', {
    what: `The rule file ${path} cannot be used: ${reason}.`,
    ...(remedy === undefined ? {} : { remedy }),
  });
}
