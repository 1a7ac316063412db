import { readFile } from 'node:fs/promises';
import { FtctlError } from '../errors/index.js';
import { readFailure } from '../util/read-failure.js';
import { enumerate } from './sources/listing.js';

/**
 * The name of each class, in the order of `classIds`: the ids themselves, or what the JSON object at `path` maps them
 * to (as cat_to_name.json: folder name -> flower name). Who gives names means all of them: an id without one is an
 * error (FT_DATA_CLASS_NAMES), since the trained model would answer with a mix of names and numbers; so is a name of two
 * classes, since its answer would not tell which. Names of classes that the data does not have are ignored.
 */
export async function readClassNames(
  classIds: readonly string[],
  path: string | null,
): Promise<string[]> {
  if (path === null) return [...classIds];
  const names = parseNames(path, await readNames(path));
  const missing = classIds.filter((id) => !names.has(id));
  if (missing.length > 0) {
    throw new FtctlError('FT_DATA_CLASS_NAMES', {
      what: `${path} has no name for ${missing.length} of ${classIds.length} classes: ${enumerate(missing)}.`,
      details: { missing },
    });
  }
  const given = classIds.map((id) => names.get(id)!);
  checkDistinct(path, classIds, given);
  return given;
}

function checkDistinct(path: string, classIds: readonly string[], names: readonly string[]): void {
  const first = new Map<string, string>();
  names.forEach((name, i) => {
    const id = classIds[i]!;
    const other = first.get(name);
    if (other !== undefined) {
      throw new FtctlError('FT_DATA_CLASS_NAMES', {
        what: `In ${path}, the classes ${other} and ${id} have the same name: ${name}.`,
        why: "The trained model's answers are names, which must tell its classes apart.",
        remedy: 'Give each class a name of its own, or put the images of both into one class.',
        details: { name, classIds: [other, id] },
      });
    }
    first.set(name, id);
  });
}

async function readNames(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FtctlError('FT_DATA_NOT_FOUND', {
      what: `The class names ${path} cannot be read: ${readFailure(error)}.`,
      cause: error,
    });
  }
}

function parseNames(path: string, text: string): Map<string, string> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new FtctlError('FT_DATA_CLASS_NAMES', {
      what: `${path} is not valid JSON.`,
      cause: error,
    });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new FtctlError('FT_DATA_CLASS_NAMES', { what: `${path} is no JSON object.` });
  }
  const names = new Map<string, string>();
  for (const [id, name] of Object.entries(content)) {
    if (typeof name !== 'string' || name.trim() === '') {
      throw new FtctlError('FT_DATA_CLASS_NAMES', {
        what: `In ${path}, the name of ${id} is ${JSON.stringify(name)}.`,
        why: 'A name is text.',
      });
    }
    names.set(id, name);
  }
  return names;
}
