import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type EventHandler, MemoryEventBus } from '../../../src/control/event-bus.js';
import type { RunEvent, RunEventBody } from '../../../src/control/events.js';
import type { CoordinatorMessage, WorkerMessage } from '../../../src/rpc/control-messages.js';
import { type CoordinatorClient, connectCoordinator } from '../../../src/rpc/coordinator-client.js';
import {
  type CoordinatorServer,
  startCoordinatorServer,
} from '../../../src/rpc/coordinator-server.js';
import type { StopMode } from '../../../src/rpc/stop-mode.js';
import { TcpProxy } from '../collective/tcp-proxy.js';
import { Child } from '../child.js';

const token = 'a-token';
const never = new AbortController().signal;
const blob = Buffer.alloc(900_000, 'blob');
const blobHash = createHash('sha256').update(blob).digest('hex');

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The run's event bus, which counts its watchers. */
class Events {
  readonly bus: MemoryEventBus;
  numWatchers = 0;

  constructor(capacity: number) {
    this.bus = new MemoryEventBus({ now: () => 0, capacity });
  }

  /** Numbers of the events that a watcher from this number on can still get. */
  keptFrom(from: number): number[] {
    const kept: number[] = [];
    this.bus.subscribe(from, (_, sequence) => kept.push(sequence))();
    return kept;
  }

  subscribe(from: number, handler: EventHandler): () => void {
    const unsubscribe = this.bus.subscribe(from, handler);
    let isOver = false;
    this.numWatchers++;
    return () => {
      unsubscribe();
      if (!isOver) this.numWatchers--;
      isOver = true;
    };
  }

  add(event: RunEventBody): void {
    this.bus.publish(event);
  }
}

interface Started {
  readonly server: CoordinatorServer;
  readonly client: CoordinatorClient;
  readonly events: Events;
  readonly stops: StopMode[];
}

async function start({ capacity = 20_000 } = {}): Promise<Started> {
  const events = new Events(capacity);
  const stops: StopMode[] = [];
  const server = await startCoordinatorServer({
    host: '127.0.0.1',
    port: 0,
    token,
    blobs: (sha256) =>
      Promise.resolve(
        sha256 === blobHash ? blob : sha256 === 'damaged' ? Buffer.from('x') : undefined,
      ),
    states: ({ round }) => (round === 1 ? new Uint8Array(0) : undefined),
    events,
    onStop: (mode) => stops.push(mode),
  });
  const client = connectCoordinator({ address: server.address, token });
  cleanups.push(async () => {
    await client.close();
    await server.close();
  });
  return { server, client, events, stops };
}

const hello = (incarnation: string): WorkerMessage => ({
  type: 'hello',
  incarnation,
  slot: 0,
  pid: 1,
  host: 'h',
  address: 'a',
  metricsAddress: '',
  fingerprint: '{}',
  probe: '',
});
const warning = (message: string): RunEvent => ({ at: 1, type: 'warning', message });
const preparing: RunEventBody = {
  type: 'preparing',
  what: 'data',
  message: 'fetching',
  done: 0,
  total: 0,
  unit: 'bytes',
};

/** What a plane reports, in order, and a way to wait for it. */
function record(server: CoordinatorServer) {
  const log: string[] = [];
  let wake = (): void => undefined;
  const add = (line: string): void => {
    log.push(line);
    wake();
  };
  server.plane.onMessage((who, message) => {
    add(`${who} ${message.type}`);
  });
  server.plane.onLost((who, cause) => {
    add(`${who} lost: ${cause}`);
  });
  const until = async (n: number): Promise<string[]> => {
    while (log.length < n) await new Promise<void>((resolve) => (wake = resolve));
    return log;
  };
  return { log, until };
}

const largeWelcome = {
  ...({ type: 'welcome', term: 1, resume: null } as const),
  ...{ bundle: 'b'.repeat(5e6), toleranceMs: 1000 },
};

describe('a control stream', () => {
  it('carries messages both ways, in order', async () => {
    const { server, client } = await start();
    const { until } = record(server);
    const link = client.openControl(never);
    link.send(hello('w0'));
    link.send({ type: 'stage', stage: 'loading', round: 0 });
    expect(await until(2)).toEqual(['w0 hello', 'w0 stage']);
    const received: CoordinatorMessage[] = [];
    const all = new Promise<void>((resolve) => {
      link.onMessage((message) => {
        received.push(message);
        if (received.length === 2) resolve();
      });
    });
    server.plane.send('w0', largeWelcome);
    server.plane.send('w0', { type: 'release', reason: 'done' });
    server.plane.send('nobody', { type: 'release', reason: 'dropped' });
    await all;
    expect(received.map((message) => message.type)).toEqual(['welcome', 'release']);
  });

  it('reports a killed worker at once, by its incarnation', async () => {
    const { server } = await start();
    const { until } = record(server);
    const args = [server.address, token, 'w7'];
    const child = new Child(new URL('./control-process.ts', import.meta.url), args);
    cleanups.push(() => child.kill());
    await until(1);
    const before = performance.now();
    await child.kill();
    expect(await until(2)).toEqual(['w7 hello', 'w7 lost: its connection broke']);
    expect(performance.now() - before).toBeLessThan(500);
  });

  it('delivers the last words of a worker that closes, then reports that it closed', async () => {
    const { server } = await start();
    const { until } = record(server);
    const args = [server.address, token, 'w7'];
    const child = new Child(new URL('./control-process.ts', import.meta.url), args);
    cleanups.push(() => child.kill());
    await until(1);
    server.plane.send('w7', { type: 'release', reason: 'done' });
    expect(await child.line()).toBe('release');
    expect(await until(3)).toEqual([
      'w7 hello',
      'w7 stage',
      'w7 lost: it closed its control stream',
    ]);
    // Nothing is left open: the process ends by itself.
    expect(await child.exit).toBe(0);
  });

  it('is flushed before the coordinator closes it, and that is no loss for the coordinator', async () => {
    const { server, client } = await start();
    const { log, until } = record(server);
    const link = client.openControl(never);
    link.send(hello('w0'));
    await until(1);
    const seen: string[] = [];
    link.onMessage((message) => seen.push(message.type));
    const lost = new Promise<string>((resolve) => {
      link.onLost(resolve);
    });
    server.plane.send('w0', largeWelcome);
    server.plane.send('w0', { type: 'release', reason: 'done' });
    server.plane.close('w0');
    expect(await lost).toBe('The coordinator ended the control stream.');
    expect(seen).toEqual(['welcome', 'release']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(log).toEqual(['w0 hello']);
  });

  it('reports a killed coordinator at once, once', async () => {
    const child = new Child(new URL('./coordinator-process.ts', import.meta.url), [token]);
    cleanups.push(() => child.kill());
    const client = connectCoordinator({ address: await child.line(), token });
    cleanups.push(() => client.close());
    const link = client.openControl(never);
    const released = new Promise<void>((resolve) => {
      link.onMessage(() => {
        resolve();
      });
    });
    link.send(hello('w0'));
    await released;
    const watching = client.watch(() => undefined, never);
    const causes: string[] = [];
    const lost = new Promise<void>((resolve) => {
      link.onLost((cause) => {
        causes.push(cause);
        resolve();
      });
    });
    const before = performance.now();
    const broken = expect(watching).rejects.toMatchObject({ code: 'FT_COORDINATOR_LOST' });
    await child.kill();
    await Promise.all([lost, broken]);
    expect(performance.now() - before).toBeLessThan(500);
    expect(causes).toEqual([
      expect.stringMatching(/^There is no connection to the coordinator at 127\.0\.0\.1:\d+: /),
    ]);
  });

  it('reports a coordinator that does not listen', async () => {
    const client = connectCoordinator({ address: '127.0.0.1:1', token });
    cleanups.push(() => client.close());
    const cause = new Promise((resolve) => {
      client.openControl(never).onLost(resolve);
    });
    expect(await cause).toBe(
      'There is no connection to the coordinator at 127.0.0.1:1: the connection was refused, nobody listens there.',
    );
  });

  it('that does not begin with hello is ended with the reason', async () => {
    const { client } = await start();
    const link = client.openControl(never);
    const cause = new Promise((resolve) => {
      link.onLost(resolve);
    });
    link.send({ type: 'stage', stage: 'x', round: 0 });
    link.onMessage(() => undefined);
    expect(await cause).toBe(
      'A control stream was ended. The first message of a control stream is stage, not hello.',
    );
  });

  it('of a worker that dials again replaces the one before, without a loss', async () => {
    const { server, client } = await start();
    const { log, until } = record(server);
    const first = client.openControl(never);
    first.send(hello('w0'));
    await until(1);
    const second = client.openControl(never);
    second.send(hello('w0'));
    await until(2);
    const received = new Promise((resolve) => {
      second.onMessage(resolve);
    });
    server.plane.send('w0', { type: 'release', reason: 'done' });
    expect(await received).toEqual({ type: 'release', reason: 'done' });
    expect(log).toEqual(['w0 hello', 'w0 hello']);
  });

  it('is cut when its signal aborts', async () => {
    const { server, client } = await start();
    const { until } = record(server);
    const controller = new AbortController();
    const link = client.openControl(controller.signal);
    let wasLost = false;
    link.onLost(() => {
      wasLost = true;
    });
    link.send(hello('w0'));
    await until(1);
    controller.abort();
    expect((await until(2))[1]).toMatch(/^w0 lost: /);
    expect(wasLost).toBe(false);
  });
});

describe('the token', () => {
  it('is needed for every call', async () => {
    const { server, events, stops } = await start();
    for (const wrong of ['wrong', '']) {
      const client = connectCoordinator({ address: server.address, token: wrong });
      cleanups.push(() => client.close());
      const refused = {
        code: 'FT_TOKEN_REFUSED',
        message: `The coordinator at ${server.address} refused the join token.`,
      };
      await expect(client.stop('now')).rejects.toMatchObject(refused);
      await expect(client.watch(() => undefined, never)).rejects.toMatchObject(refused);
      await expect(client.fetchBlob(blobHash, never)).rejects.toMatchObject(refused);
      await expect(client.fetchState({ round: 1, hash: 'aa' }, never)).rejects.toMatchObject(
        refused,
      );
      const cause = new Promise((resolve) => {
        client.openControl(never).onLost(resolve);
      });
      expect(await cause).toBe(refused.message);
    }
    expect(stops).toEqual([]);
    expect(events.numWatchers).toBe(0);
  });
});

describe('watching', () => {
  it('gives past and coming events in order, and resolves when the run ends', async () => {
    const { server, client, events } = await start();
    events.add(warning('0'));
    events.add(warning('1'));
    const seen: RunEvent[] = [];
    let wake = (): void => undefined;
    const watching = client.watch(
      (event) => {
        seen.push(event);
        wake();
      },
      never,
      1,
    );
    while (seen.length < 1) await new Promise<void>((resolve) => (wake = resolve));
    events.add(warning('2'));
    server.endWatchers();
    await watching;
    expect(seen).toEqual([warning('1'), warning('2')]);
    expect(events.numWatchers).toBe(0);
    // Who comes late gets everything, and the end.
    const late: RunEvent[] = [];
    await client.watch((event) => late.push(event), never);
    expect(late.length).toBe(3);
  });

  it('gives every event of a long run to a watcher that reads', async () => {
    const { server, client, events } = await start();
    const n = 11_000;
    for (let i = 0; i < n; i++) events.add(warning(String(i)));
    const seen: string[] = [];
    server.endWatchers();
    await client.watch((event) => {
      if (event.type === 'warning') seen.push(event.message);
    }, never);
    // More than a watcher's queue: cut off on the way, and resumed without a gap or a repetition.
    expect(seen).toEqual(Array.from({ length: n }, (_, i) => String(i)));
  });

  it('numbers each event as the bus does, so that who asks again gets nothing twice', async () => {
    const { server, client, events } = await start({ capacity: 8 });
    for (let i = 0; i < 20; i++) events.add(preparing);
    const seen: number[] = [];
    const watching = client.watch((_, sequence) => seen.push(sequence), never, 3);
    while (seen.at(-1) !== 19) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(seen).toEqual(events.keptFrom(3));
    expect(seen.length).toBeLessThan(17); // the bus keeps no more than 8
    events.add(warning('20'));
    server.endWatchers();
    await watching;
    const again: number[] = [];
    await client.watch((_, sequence) => again.push(sequence), never, 20);
    expect(again).toEqual([20]);
  });

  it('ends with the reason when its signal aborts, and the coordinator forgets the watcher', async () => {
    const { client, events } = await start();
    const controller = new AbortController();
    const watching = client.watch(() => undefined, controller.signal);
    while (events.numWatchers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error('enough'));
    await expect(watching).rejects.toThrow('enough');
    while (events.numWatchers > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('rejects when the client closes', async () => {
    const { client } = await start();
    const watching = client.watch(() => undefined, never);
    const settled = expect(watching).rejects.toMatchObject({ code: 'FT_CALL_FAILED' });
    await client.close();
    await settled;
  });
});

describe('stop', () => {
  it('hands the mode over', async () => {
    const { client, stops } = await start();
    await client.stop('graceful');
    await client.stop('now');
    expect(stops).toEqual(['graceful', 'now']);
  });
});

describe('blobs and states', () => {
  it('arrive whole', async () => {
    const { client } = await start();
    expect((await client.fetchBlob(blobHash, never)).equals(blob)).toBe(true);
    expect((await client.fetchState({ round: 1, hash: 'aa' }, never)).length).toBe(0);
  });

  it('that are unknown, or not what was asked for, are refused', async () => {
    const { client } = await start();
    await expect(client.fetchBlob('unknown', never)).rejects.toMatchObject({
      code: 'FT_BLOB_UNKNOWN',
      message: 'The coordinator has no file with the SHA-256 unknown.',
    });
    await expect(client.fetchBlob('damaged', never)).rejects.toMatchObject({
      code: 'FT_TRANSFER_DAMAGED',
      message:
        'The file with the SHA-256 damaged did not arrive whole. The bytes do not have the SHA-256 that they should have.',
    });
    await expect(client.fetchState({ round: 2, hash: 'abc' }, never)).rejects.toMatchObject({
      code: 'FT_STATE_UNKNOWN',
      message: 'The state of round 2 (abc) is not held by this coordinator.',
    });
  });

  it('stop when the signal aborts', async () => {
    const { client } = await start();
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(client.fetchBlob(blobHash, aborted)).rejects.toThrow('enough');
    const controller = new AbortController();
    const fetching = client.fetchBlob(blobHash, controller.signal);
    controller.abort(new Error('enough'));
    await expect(fetching).rejects.toThrow('enough');
  });
});

describe('a coordinator server', () => {
  const options = {
    host: '127.0.0.1',
    port: 0,
    token,
    blobs: () => Promise.resolve(undefined),
    states: () => undefined,
    events: new Events(8),
    onStop: () => undefined,
  };

  it('names the address that is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(startCoordinatorServer({ ...options, port })).rejects.toMatchObject({
      code: 'FT_PORT_IN_USE',
      message: `Port ${port} on 127.0.0.1 (coordinator) is taken by another process.`,
    });
    other.close();
  });

  it('does not listen beyond this machine without encryption', async () => {
    for (const host of ['0.0.0.0', '192.0.2.1', '::', 'example.org']) {
      await expect(startCoordinatorServer({ ...options, host })).rejects.toMatchObject({
        code: 'FT_INSECURE_ADDRESS',
        message: `A server was asked to listen on ${host}. Only loopback addresses (127.0.0.0/8, ::1, localhost) may be used without mutual TLS.`,
      });
    }
  });

  it('refuses a message that is too large, in words', async () => {
    const { server, client } = await start();
    record(server);
    const link = client.openControl(never);
    const cause = new Promise((resolve) => {
      link.onLost(resolve);
    });
    link.send({ ...hello('w0'), fingerprint: 'x'.repeat(40e6) } as WorkerMessage);
    expect(await cause).toMatch(
      /^A message to or from the coordinator at 127\.0\.0\.1:\d+ is too large\. .*larger than 33554432\.$/,
    );
  });

  it('closes in about a second though a client reads nothing any more', async () => {
    const { server } = await start();
    const { until } = record(server);
    const proxy = await TcpProxy.to(Number(server.address.split(':')[1]));
    const client = connectCoordinator({ address: proxy.address, token });
    cleanups.push(() => client.close());
    cleanups.push(() => proxy.close());
    client.openControl(never).send(hello('w0'));
    await until(1);
    proxy.freeze();
    const before = performance.now();
    await server.close();
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});
