import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FtctlError } from '../errors/index.js';
import { crossProblems } from './checks.js';
import { compileBatch, compileConfig, compileModel } from './compile.js';
import { toYaml } from './document.js';
import { formatPath, type KeyPath, valueAt } from './key-path.js';
import { hasNetwork } from './model-checks.js';
import { parseYaml } from './parse-yaml.js';
import { compilePhase } from './phase-forms.js';
import {
  defaultCacheDir,
  pathResolver,
  processEnvironment,
  type ConfigEnvironment,
  type ResolvePath,
} from './paths.js';
import {
  type Fault,
  faultOf,
  faultsError,
  faultsOf,
  structuralProblems,
  type Locate,
} from './problems.js';
import type { BatchSpec, ModelSpec, PhaseSpec, RunSpec } from './run-spec.js';
import { configSchema, type UserConfig } from './schema.js';
import { applySets, ownerOf, parseSet, type SetValue, withImpliedSets } from './set-values.js';
import { validGroups } from './valid-groups.js';

/** A configuration that passed every check. */
export interface LoadedConfig {
  readonly spec: RunSpec;
  /** The effective document, every key present, paths absolute: loading it again gives the same spec. */
  readonly yaml: string;
  /** Where a key was written, for what is found wrong with it later (problems.ts). */
  readonly locate: Locate;
}

export interface LoadOptions {
  /** Absent: the packaged quick start. */
  readonly path?: string;
  /** `path=value` arguments, applied in order. */
  readonly sets?: readonly string[];
  readonly environment?: ConfigEnvironment;
  /** Throws the FtctlError of a model that cannot be, so that it is told with all other faults. */
  readonly checkModel?: CheckModel;
}

type CheckModel = (groups: ModelGroups, locate: Locate) => void;

/** The network as a run would have it, and what it is to be trained on, and how, where these groups are valid. */
interface ModelGroups {
  readonly model: ModelSpec;
  readonly data?: UserConfig['data'];
  readonly phases?: readonly PhaseSpec[];
  readonly batch?: BatchSpec;
}

/** The keys that say where weights come from. */
const weightsKeys: ReadonlySet<KeyPath[number]> = new Set(['weights', 'integrity']);

/** Configuration files are written by hand; anything near this size is not one. */
const maxFileBytes = 1 << 20;

const quickstartPath = fileURLToPath(new URL('../../configs/quickstart.yaml', import.meta.url));

/**
 * Reads, checks and compiles a configuration. Throws FtctlErrors of exit code 2: FT_CONFIG_* and, for rules that
 * have their own code, FT_BATCH_NOT_MULTIPLE and FT_TOO_MANY_WORKERS; and what `checkModel` throws. All faults but those of YAML
 * itself are found at once: the first is the error, and `details.problems` has all.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const environment = options.environment ?? processEnvironment();
  const name = options.path ?? quickstartPath;
  const path = resolve(environment.cwd, name);
  const parsed = parseYaml(await readText(path, name), name);
  const faults: Fault[] = [];
  const given = (options.sets ?? []).flatMap((set) => collect(faults, () => [parseSet(set)]) ?? []);
  const sets = withImpliedSets(parsed.value, given);
  const document = sets.reduce(
    (current, set) => collect(faults, () => applySets(current, [set])) ?? current,
    parsed.value,
  );

  const locate: Locate = (key) => {
    // What another value of a key calls for is missing because of that value.
    const owner = valueAt(document, key) == null ? ownerOf(key) : undefined;
    const set = setOf(sets, key) ?? (owner === undefined ? undefined : setOf(sets, owner));
    return set === undefined ? parsed.locate(key) : `--set ${set.argument}`;
  };
  const resolvePath = pathResolver(
    environment,
    dirname(path),
    (key) => setOf(sets, key) !== undefined,
  );
  const config = check(document, locate, faults, (groups) => {
    const compiled = modelGroups(groups, resolvePath);
    if (compiled !== undefined) options.checkModel?.(compiled, locate);
  });
  const spec = compileConfig(config, {
    defaultName: nameOf(path),
    defaultCacheDir: defaultCacheDir(environment),
    resolvePath,
  });
  return { spec, yaml: toYaml(spec), locate };
}

/** The last argument that set `key`, or a group that it is in. */
function setOf(sets: readonly SetValue[], key: KeyPath): SetValue | undefined {
  const name = formatPath(key);
  return sets.findLast(
    ({ path }) => name === formatPath(path) || name.startsWith(`${formatPath(path)}.`),
  );
}

/** Runs `work`; the faults of an error that it throws are put with the others. */
function collect<T>(faults: Fault[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FtctlError)) throw error;
    faults.push(...faultsOf(error));
    return undefined;
  }
}

/** `earlier`: the faults of the arguments. */
function check(
  document: unknown,
  locate: Locate,
  earlier: readonly Fault[],
  checkModel: (groups: Partial<UserConfig>) => void,
): UserConfig {
  if (document === null || document === undefined) {
    throw new FtctlError('FT_CONFIG_SYNTAX', { what: `${locate([])}: the document is empty.` });
  }
  const result = configSchema.safeParse(document);
  const groups = result.success ? result.data : validGroups(document, result.error.issues);
  const problems = [
    ...(result.success ? [] : structuralProblems(result.error.issues, document)),
    ...crossProblems(groups),
  ];
  const faults = [...earlier, ...problems.map((problem) => faultOf(problem, locate))];
  const modelFaults: Fault[] = [];
  collect(modelFaults, () => {
    checkModel(groups);
  });
  // A source of weights is looked at by both: what was said of it with its line is enough.
  const isToldOfWeights = problems.some(
    ({ path }) => path[0] === 'model' && path.length > 1 && weightsKeys.has(path[1]!),
  );
  faults.push(
    ...modelFaults.filter(({ code }) => code !== 'FT_WEIGHTS_SOURCE' || !isToldOfWeights),
  );
  if (!result.success || faults.length > 0) throw faultsError(faults);
  return result.data;
}

/** What a model is checked with, of the groups that are valid; undefined without a network. */
function modelGroups(
  { model, data, phases, batch, best }: Partial<UserConfig>,
  resolvePath: ResolvePath,
): ModelGroups | undefined {
  if (model === undefined || !hasNetwork(model)) return undefined;
  const metric = best?.metric ?? 'accuracy';
  return {
    model: compileModel(model, resolvePath),
    ...(data === undefined ? {} : { data }),
    ...(phases === undefined ? {} : { phases: phases.map((phase) => compilePhase(phase, metric)) }),
    ...(batch === undefined ? {} : { batch: compileBatch(batch) }),
  };
}

/** A run name out of a file name: `my run.yaml` -> `my-run`. */
function nameOf(path: string): string {
  const name = basename(path, extname(path))
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63);
  return name === '' ? 'run' : name;
}

async function readText(path: string, name: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) {
      throw new FtctlError('FT_CONFIG_SYNTAX', {
        what: `${name}: the file has ${size} bytes.`,
        why: `A configuration has at most ${maxFileBytes} bytes.`,
        remedy: 'Check that --config names a configuration and not a data file.',
      });
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof FtctlError) throw error;
    throw new FtctlError('FT_CONFIG_NOT_FOUND', {
      what: `The configuration file ${name} cannot be read: ${reasonOf(error)}.`,
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'it does not exist';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder';
  return error instanceof Error ? error.message : String(error);
}
