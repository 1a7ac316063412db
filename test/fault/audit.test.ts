import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AuditReport } from '../../src/coordinator/audit/audit-run.js';
import { ftctl, launched } from '../support/runs/ftctl.js';
import {
  coordinatorPid,
  launchedIntoEpochs,
  untilEvent,
  workerPid,
} from '../support/runs/running.js';
import { makeWorld, type World } from '../support/runs/world.js';

let world: World;
beforeAll(async () => {
  world = await makeWorld();
  await mkdir(world.runsDir);
});
afterAll(() => world.remove());

it('an audit finds nothing in a run that lost a worker, then its coordinator, and was resumed', async () => {
  const args = ['-w', '2', '--set', 'phases.0.epochs=300'];
  const { finished, runDir, events } = await launchedIntoEpochs(world, args, 61);
  process.kill(workerPid(events, 1), 'SIGKILL');
  await untilEvent(
    world.runsDir,
    [],
    (event) => event.type === 'generation' && event.reason.includes('was lost'),
  );
  await sleep(83);
  process.kill(await coordinatorPid(runDir), 'SIGKILL');
  expect((await finished).code).toBe(4);

  const audit = async (): Promise<AuditReport> => {
    const { code, stdout } = await ftctl(['audit', runDir, '--json'], world.env);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, findings: [] });
    expect(code).toBe(0);
    return JSON.parse(stdout) as AuditReport;
  };
  const killed = await audit();
  expect(killed.end).toBeNull();
  expect(killed.members.generations).toBeGreaterThanOrEqual(2);

  await launched(['--resume', runDir], world.env);
  expect(await audit()).toMatchObject({
    ...{ end: 'finished', members: { terms: 2 }, samples: { epochs: { once: 300 } } },
    states: { numUnrecorded: 0 },
  });
});
