import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launched, startFtctl } from '../support/runs/ftctl.js';
import { processesOf, untilEvent } from '../support/runs/running.js';
import { makeWorld, type World } from '../support/runs/world.js';

/** What each line of a worker's log has, whatever else it says. */
interface Line {
  readonly level: string;
  readonly message: string;
  readonly rank: number;
  readonly generation: string | null;
  readonly round: number | null;
}

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.remove());

/** All workers' lines, by slot. Throws for a line that is not JSON. */
async function workerLogs(runDir: string): Promise<Line[][]> {
  const names = (await readdir(join(runDir, 'logs'))).filter((name) => name.startsWith('worker-'));
  return Promise.all(
    names.sort().map(async (name) => {
      const text = await readFile(join(runDir, 'logs', name), 'utf8');
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
    }),
  );
}

function expectPlaces(logs: readonly Line[][]): void {
  for (const [slot, lines] of logs.entries()) {
    for (const line of lines) {
      expect(line).toMatchObject({ rank: slot });
      expect(line.generation === null || /^\d+\.\d+$/.test(line.generation)).toBe(true);
      expect(line.round === null || Number.isInteger(line.round)).toBe(true);
    }
  }
}

describe("a worker's log", () => {
  it('says in each line where the worker was, and warns of nothing in a run that is well', async () => {
    // Small steps: dozens of requests for features wait at once.
    const small = ['--set', 'batch.size=4', '--set', 'batch.shards=4'];
    const { runDir } = await launched([...world.args, '--workers', '4', ...small], world.env);
    const logs = await workerLogs(runDir);
    expect(logs).toHaveLength(4);
    expectPlaces(logs);
    const lines = logs.flat();
    expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);
    expect(lines.some(({ generation, round }) => generation === '1.1' && round! > 0)).toBe(true);
  });

  it('says so also in its last words, and where Node warns of something', async () => {
    const known = await readdir(world.runsDir);
    // As a library might, once the worker has opened its log: until then Node's own listener is the only one.
    const warn = `const t=setInterval(()=>{if(process.listeners('warning').some(({name})=>name!=='onWarning')){clearInterval(t);process.emitWarning('odd')}},5).unref()`;
    const { child, finished } = startFtctl(
      ['launch', ...world.args, '--workers', '2', '--set', 'phases.0.epochs=300'],
      { ...world.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(warn)}` },
    );
    const { runDir } = await untilEvent(world.runsDir, known, ({ type }) => type === 'epoch');
    child.kill('SIGKILL');
    await finished;
    for (let tries = 0; tries < 200 && (await processesOf(runDir)).length > 0; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const logs = await workerLogs(runDir);
    expect(logs).toHaveLength(2);
    expectPlaces(logs);
    for (const lines of logs) {
      expect(lines.some(({ message }) => message === 'Warning: odd')).toBe(true);
      const last = lines.at(-1)!;
      expect(last).toMatchObject({ level: 'error', code: 'FT_INTERRUPTED', generation: '1.1' });
      expect(last.round).toBeGreaterThan(0);
    }
  });
});
