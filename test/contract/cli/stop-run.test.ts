import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stopRun } from '../../../src/cli/stop-run.js';
import { startCoordinatorServer } from '../../../src/rpc/coordinator-server.js';
import { RunFolder } from '../../../src/state/run-folder.js';
import { deadPid } from '../../unit/launch/locks.js';

let runsDir: string;
let run: RunFolder;
const cleanups: (() => Promise<void>)[] = [];

beforeEach(async () => {
  runsDir = await mkdtemp(join(tmpdir(), 'ftctl-stop-'));
  run = await RunFolder.create(runsDir, 'a', 'seed: 7\n', new Date(0));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await rm(runsDir, { recursive: true });
});

/** A coordinator's server; gives its address, and what it was told. */
async function serve(token: string): Promise<{ address: string; stops: string[] }> {
  const stops: string[] = [];
  const server = await startCoordinatorServer({
    host: '127.0.0.1',
    port: 0,
    token,
    blobs: () => Promise.resolve(undefined),
    states: () => undefined,
    events: { subscribe: () => () => undefined },
    onStop: (mode) => stops.push(mode),
  });
  cleanups.push(() => server.close());
  return { address: server.address, stops };
}

/** A server that accepts connections and never says a word, as a stopped process does. */
async function serveSilence(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(
    () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          resolve();
        });
      }),
  );
  return `127.0.0.1:${String((server.address() as { port: number }).port)}`;
}

async function unusedAddress(): Promise<string> {
  const address = await serveSilence();
  for (const cleanup of cleanups.splice(-1)) await cleanup();
  return address;
}

function announce(change: { address: string; pid?: number; token?: string }): Promise<void> {
  const text = JSON.stringify({ term: 1, pid: process.pid, token: 'secret', ...change });
  return writeFile(run.coordinatorPath, `${text}\n`);
}

const remedy = 'See `ftctl runs`; a run that ended goes on with `ftctl launch --resume RUN`.';

describe('stopping a run', () => {
  it('tells its coordinator how, and gives the whole id', async () => {
    const { address, stops } = await serve('secret');
    await announce({ address });
    expect(await stopRun(runsDir, 'a-', 'graceful')).toBe(run.id);
    await stopRun(runsDir, run.id, 'now');
    expect(stops).toEqual(['graceful', 'now']);
  });

  it('says that the run is not running when its folder names no coordinator', async () => {
    await expectNotRunning('Its folder names no coordinator.');
  });

  it('says so when the file was torn by a crash', async () => {
    const damaged = `${run.coordinatorPath} is damaged: no coordinator that lives wrote it.`;
    for (const text of ['', '{"address":"127.0', '{"address":"127.0.0.1:1"}', 'null']) {
      await writeFile(run.coordinatorPath, text);
      await expectNotRunning(damaged);
    }
  });

  it('says so when the coordinator has ended', async () => {
    const pid = await deadPid();
    await announce({ address: await unusedAddress(), pid });
    await expectNotRunning(`Its coordinator, process ${pid}, has ended.`);
  });

  it('says so when nobody listens, or another run does: the pid belongs to another process', async () => {
    const other = await serve('of another run');
    for (const address of [await unusedAddress(), other.address]) {
      await announce({ address });
      await expectNotRunning(`Its coordinator no longer listens at ${address}.`);
    }
    expect(other.stops).toEqual([]);
  });

  it('gives up on a coordinator that does not answer', async () => {
    const address = await serveSilence();
    await announce({ address });
    const before = performance.now();
    await expect(stopRun(runsDir, run.id, 'graceful', 300)).rejects.toMatchObject({
      code: 'FT_COORDINATOR_LOST',
      message:
        `The coordinator of the run ${run.id} did not answer within 0.3 s. ` +
        `Process ${process.pid} at ${address} is there, but it is stopped or hangs.`,
      remedy: `Try again, or end its \`ftctl launch\` and continue with \`ftctl launch --resume ${run.id}\`.`,
    });
    expect(performance.now() - before).toBeLessThan(1_500);
  });
});

async function expectNotRunning(why: string): Promise<void> {
  await expect(stopRun(runsDir, run.id, 'graceful')).rejects.toMatchObject({
    code: 'FT_RUN_NOT_RUNNING',
    message: `The run ${run.id} is not running. ${why}`,
    remedy,
  });
}
