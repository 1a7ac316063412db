import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailureJson } from '../../src/cli/failure.js';
import type { RunResult } from '../../src/control/events.js';
import type { AuditReport } from '../../src/coordinator/audit/audit-run.js';
import { chained, recordsIn } from '../support/audit/chained.js';
import { ftctl, launched } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

describe('ftctl audit', () => {
  let world: World;
  let result: RunResult;
  beforeAll(async () => {
    world = await makeWorld();
    result = await launched([...world.args, '--set', 'phases.0.epochs=2'], world.env);
  });
  afterAll(() => world.remove());

  const audit = (run: string, ...args: string[]): ReturnType<typeof ftctl> =>
    ftctl(['audit', run, ...args], world.env);
  const audited = async (run: string): Promise<AuditReport> => {
    const { code, stdout, stderr } = await audit(run, '--json');
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as AuditReport;
  };
  const failed = async (run: string): Promise<[number | null, FailureJson['error']]> => {
    const { code, stdout } = await audit(run, '--json');
    return [code, (JSON.parse(stdout) as FailureJson).error];
  };
  /** A copy of the run, to be changed. */
  const copied = async (name: string): Promise<string> => {
    const dir = join(world.runsDir, name);
    await cp(result.runDir, dir, { recursive: true });
    return dir;
  };

  it('finds that a run is what its journal says, by its id and as a longer one', async () => {
    const byId = await audit(result.runId, '--runs-dir', world.runsDir);
    expect([byId.code, byId.stderr]).toEqual([0, '']);
    expect(byId.stdout).toMatch(/\naudit: the run is what its journal says\n$/);
    for (const line of byId.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const short = await audited(result.runDir);
    expect(short).toMatchObject({
      ...{ ok: true, end: 'finished', manifest: { from: 'cache', why: null }, findings: [] },
      ...{ members: { terms: 1, generations: 1, shards: 8 }, rounds: { repeated: 0 } },
      samples: { epochs: { once: 2 }, partialEpochs: 0 },
      states: { numUnrecorded: 0 },
    });
    expect(short.samples!.evaluations.map(({ split, times }) => [split, times])).toEqual([
      ['val', 2],
      ['test', 1],
    ]);

    const longer = ['--runs-dir', world.runsDir, '--resume', result.runId, '-w', '3'];
    await launched([...longer, '--set', 'phases.0.epochs=3'], world.env);
    expect(await audited(result.runDir)).toMatchObject({
      ...{ ok: true, members: { terms: 2 }, samples: { epochs: { once: 3 } } },
      // The test score of the shorter run gave its number to a step.
      rounds: { repeated: 0 },
    });
  });

  it('counts the samples anew from the images where the cache has no manifest', async () => {
    await rm(join(world.dir, 'cache', 'blobs'), { recursive: true });
    const { code, stdout } = await audit(result.runDir, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, manifest: { from: 'images' } });
    const away = join(world.images, 'class-0', '000.png');
    const bytes = await readFile(away);
    await rm(away);
    const without = await audit(result.runDir, '--json');
    await writeFile(away, bytes);
    expect(without.code).toBe(0);
    expect(JSON.parse(without.stdout)).toMatchObject({ ok: true, samples: null });
  });

  it('names the line that was changed', async () => {
    const dir = await copied('changed');
    const path = join(dir, 'journal.jsonl');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"samples":16', '"samples":15'));
    const [code, error] = await failed(dir);
    expect([code, error.code]).toEqual([5, 'FT_JOURNAL_DAMAGED']);
    expect(error.message).toMatch(/^Line \d+ of the journal is damaged\. Its content does not/);
  });

  it('finds a changed line under a chain that was made anew, and says so to people', async () => {
    const dir = await copied('chained');
    const path = join(dir, 'journal.jsonl');
    const text = (await readFile(path, 'utf8')).replace('"samples":16', '"samples":15');
    await writeFile(path, `${chained(recordsIn(text)).join('\n')}\n`);
    const { code, stdout, stderr } = await audit(dir);
    expect(code).toBe(4);
    expect(stdout).toMatch(/ {2}line \d+ +Round 1 used 15 samples; by the plan it has 16\.\n/);
    expect(stderr).toMatch(/^error FT_AUDIT_FAILED: The run chained is not what its journal says/m);
  });

  it('finds missing last lines, another state and another configuration', async () => {
    const cut = await copied('cut');
    const path = join(cut, 'journal.jsonl');
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    await writeFile(path, `${lines.slice(0, -1).join('\n')}\n`);
    expect((await failed(cut))[1].message).toMatch(/its last lines are missing/);

    const swapped = await copied('swapped');
    await cp(join(swapped, 'best', 'best.ckpt'), join(swapped, 'checkpoints', 'final.ckpt'));
    expect((await failed(swapped))[1].message).toMatch(/checkpoints\/final\.ckpt: it is the state/);

    const reseeded = await copied('reseeded');
    const config = join(reseeded, 'config.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace('seed: 11', 'seed: 12'));
    expect((await failed(reseeded))[1].message).toMatch(/config\.yaml is not what this launch ran/);
  });
});
