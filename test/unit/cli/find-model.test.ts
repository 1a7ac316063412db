import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findModel } from '../../../src/cli/find-model.js';
import type { FtctlError } from '../../../src/errors/index.js';
import { RunFolder } from '../../../src/state/run-folder.js';

let root: string;
let runsDir: string;
let run: RunFolder;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'ftctl-find-model-'));
  runsDir = join(root, 'runs');
  run = await RunFolder.create(runsDir, 'flowers', 'name: flowers\n', new Date(0), () => 'abcd');
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function trained(): void {
  writeFileSync(join(run.modelDir, 'labels.json'), '["a", "b"]');
}

async function rejection(named: string): Promise<FtctlError> {
  return await findModel(runsDir, named).then(
    () => expect.unreachable('it did not reject'),
    (error: unknown) => error as FtctlError,
  );
}

describe('the model that the user means', () => {
  it('is named by its run, by the start of its id, by the run folder or by its own folder', async () => {
    trained();
    for (const named of [run.id, 'flow', run.dir, `${run.dir}/`, run.modelDir, `${run.modelDir}/`])
      expect(await findModel(runsDir, named), named).toBe(run.modelDir);
  });

  it('may have been copied out of its run', async () => {
    trained();
    const copy = join(root, 'exported');
    cpSync(run.modelDir, copy, { recursive: true });
    expect(await findModel(runsDir, copy)).toBe(copy);
  });

  it.each(['run', 'model'])('is not there before the run has ended (%s folder)', async (which) => {
    const lock = await run.lock();
    try {
      const error = await rejection(which === 'run' ? run.dir : run.modelDir);
      expect(error.code).toBe('FT_ARTIFACTS_NOT_FOUND');
      expect(error.message).toBe(
        `The run ${run.id} has no model yet. It is written when the run ends, and the run is still on.`,
      );
      expect(error.remedy).toBe(
        `Wait for its end, or end it now with \`ftctl stop ${run.dir}\`: after a first epoch, a stopped run leaves its best model.`,
      );
    } finally {
      await lock.release();
    }
  });

  it('is not there after a failed run, also where its folder is gone', async () => {
    rmSync(run.modelDir, { recursive: true });
    expect((await rejection(run.modelDir)).code).toBe('FT_ARTIFACTS_NOT_FOUND');
    const error = await rejection(run.id);
    expect(error.code).toBe('FT_ARTIFACTS_NOT_FOUND');
    expect(error.message).toBe(
      `The run ${run.id} has no model yet. A model is written when a run ends, and this one failed before.`,
    );
    expect(error.remedy).toContain(`ftctl launch --resume ${run.dir}`);
  });

  it('is not in a folder of another kind', async () => {
    const other = join(root, 'photos');
    mkdirSync(join(other, 'model'), { recursive: true });
    expect((await rejection(other)).code).toBe('FT_RUN_NOT_FOUND');
    const error = await rejection(join(other, 'model'));
    expect(error.code).toBe('FT_ARTIFACTS_NOT_FOUND');
    expect(error.message).toBe(`${join(other, 'model')} has no trained model in it.`);
    expect((await rejection('nothing')).code).toBe('FT_RUN_NOT_FOUND');
  });
});
