import { afterEach, describe, expect, it } from 'vitest';
import { GrpcTransport } from '../../../src/collective/grpc-transport.js';
import { startWorkerServer, type WorkerServer } from '../../../src/collective/worker-server.js';
import type { Generation } from '../../../src/rpc/generation.js';
import { grpcStateFetcher } from '../../../src/rpc/state-fetcher.js';
import { generationOf } from '../../unit/collective/generations.js';
import { Child } from '../child.js';
import { TcpProxy } from './tcp-proxy.js';
import { collect, messageOf, soon } from './transport-contract.js';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(token = 'secret'): Promise<WorkerServer> {
  const server = await startWorkerServer({
    host: '127.0.0.1',
    token,
    states: (ref) =>
      ref.hash === 'aa' ? Promise.resolve(new Uint8Array(700_000).fill(ref.round)) : undefined,
  });
  cleanups.push(() => server.close());
  return server;
}

function withAddresses(generation: Generation, addresses: readonly string[]): Generation {
  return {
    ...generation,
    members: generation.members.map((member, i) => ({ ...member, address: addresses[i]! })),
  };
}

function loss(server: WorkerServer): Promise<{ who: string; cause: string }> {
  return new Promise((resolve) => {
    server.transport.onLost((who, cause) => {
      resolve({ who, cause });
    });
  });
}

describe('streams between workers', () => {
  it('report a killed process within half a second, with the cause', async () => {
    const server = await startServer();
    const child = new Child(new URL('./peer-process.ts', import.meta.url), ['worker-1', 'secret']);
    cleanups.push(() => child.kill());
    const address = await child.line();
    const generation = withAddresses(generationOf([1, 1]), [server.address, address]);
    child.write(JSON.stringify(generation));
    await server.transport.open(generation, 'worker-0', soon());
    expect(await child.line()).toBe('open');
    const lost = loss(server);
    const before = performance.now();
    await child.kill();
    expect(await lost).toEqual({
      who: 'worker-1',
      cause: `There is no connection to the worker at ${address}: the connection was refused, nobody listens there.`,
    });
    expect(performance.now() - before).toBeLessThan(500);
  });

  it('leave no handle open: a process that closes its server exits by itself', async () => {
    const child = new Child(new URL('./peer-process.ts', import.meta.url), ['worker-0', 'secret']);
    cleanups.push(() => child.kill());
    const server = await startServer();
    const address = await child.line();
    const generation = withAddresses(generationOf([1, 1]), [address, server.address]);
    child.write(JSON.stringify(generation));
    await server.transport.open(generation, 'worker-1', soon());
    expect(await child.line()).toBe('open');
    child.process.stdin!.end();
    expect(await child.exit).toBe(0);
  });

  it('wait for a peer that listens late', async () => {
    const server = await startServer();
    const probe = await TcpProxy.to(1);
    const late = probe.address;
    await probe.close();
    const generation = withAddresses(generationOf([1, 1]), [server.address, late]);
    const opening = server.transport.open(generation, 'worker-0', soon());
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { startServer: startGrpc } = await import('../../../src/rpc/server.js');
    const { receiveMethod } = await import('../../../src/collective/receive-method.js');
    const transport = new GrpcTransport({ token: 'secret' });
    const second = await startGrpc({
      what: 'worker',
      host: '127.0.0.1',
      port: Number(late.split(':')[1]),
      token: 'secret',
      maxMessageBytes: 1e6,
      addServices: (grpc) => {
        grpc.addService(
          { Receive: receiveMethod() },
          {
            Receive: (call: Parameters<GrpcTransport['accept']>[0]) => {
              transport.accept(call);
            },
          },
        );
      },
    });
    cleanups.push(async () => {
      await transport.close();
      await second.close();
    });
    await transport.open(generation, 'worker-1', soon());
    await opening;
  });

  it('are refused to a stranger, with the reason', async () => {
    const [member, peer, stranger] = await Promise.all([
      startServer(),
      startServer(),
      startServer(),
    ]);
    const addresses = [member.address, peer.address];
    const generation = withAddresses(generationOf([1, 1]), addresses);
    await Promise.all([
      member.transport.open(generation, 'worker-0', soon()),
      peer.transport.open(generation, 'worker-1', soon()),
    ]);
    // Rank 1 of the stranger's generation is an incarnation that the members do not know.
    const own: Generation = {
      ...generation,
      members: [
        generation.members[0]!,
        { ...generation.members[1]!, incarnation: 'stranger', address: stranger.address },
      ],
    };
    await expect(stranger.transport.open(own, 'stranger', soon())).rejects.toMatchObject({
      code: 'FT_PEER_REFUSED',
      message:
        'Incarnation stranger may not receive from this worker: incarnation stranger is not a member.',
    });
  });

  it('are refused at the address of another incarnation', async () => {
    const [first, second] = await Promise.all([startServer(), startServer()]);
    const generation = withAddresses(generationOf([1, 1]), [first.address, second.address]);
    const restarted: Generation = {
      ...generation,
      members: [generation.members[0]!, { ...generation.members[1]!, incarnation: 'restarted' }],
    };
    const opening = first.transport.open(generation, 'worker-0', soon());
    second.transport.open(restarted, 'restarted', soon()).catch(() => undefined);
    await expect(opening).rejects.toMatchObject({
      code: 'FT_PEER_REFUSED',
      message:
        'Incarnation worker-0 may not receive from this worker: incarnation worker-1 is not at this address.',
    });
  });

  it('are refused at once to a member that was lost, with the reason, until a newer generation', async () => {
    const [first, second] = await Promise.all([startServer(), startServer()]);
    // Rank 1 is alive and reaches rank 0, but the way to it is cut for good.
    const way = await TcpProxy.to(Number(second.address.split(':')[1]));
    const generation = withAddresses(generationOf([1, 1]), [first.address, way.address]);
    await Promise.all([
      first.transport.open(generation, 'worker-0', soon()),
      second.transport.open(generation, 'worker-1', soon()),
    ]);
    const losses = [loss(first), loss(second)];
    const { address } = way;
    const before = performance.now();
    await way.close();
    const why = `There is no connection to the worker at ${address}: the connection was refused, nobody listens there`;
    const refusal = `Incarnation worker-1 may not receive from this worker: the streams with it were given up (${why}).`;
    expect(await Promise.all(losses)).toEqual([
      { who: 'worker-1', cause: `${why}.` },
      { who: 'worker-0', cause: refusal },
    ]);
    // A redial without an answer takes a second, and there are five.
    expect(performance.now() - before).toBeLessThan(900);
    await expect(second.transport.open(generation, 'worker-1', soon())).rejects.toMatchObject({
      code: 'FT_PEER_REFUSED',
      message: refusal,
    });
    const next = withAddresses(generationOf([1, 1], { number: 2 }), [
      first.address,
      second.address,
    ]);
    const opening = second.transport.open(next, 'worker-1', soon());
    await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([opening, first.transport.open(next, 'worker-0', soon())]);
  });

  it('are refused without the token of the run', async () => {
    const [first, second] = await Promise.all([startServer('one'), startServer('other')]);
    const generation = withAddresses(generationOf([1, 1]), [first.address, second.address]);
    await expect(first.transport.open(generation, 'worker-0', soon())).rejects.toMatchObject({
      code: 'FT_TOKEN_REFUSED',
      message: `The worker at ${second.address} refused the join token.`,
    });
  });

  it('name the ranks that could not be reached in time', async () => {
    const server = await startServer();
    const generation = withAddresses(generationOf([1, 1]), [server.address, '127.0.0.1:1']);
    await expect(server.transport.open(generation, 'worker-0', soon(200))).rejects.toMatchObject({
      code: 'FT_PEER_UNREACHABLE',
      message:
        'Generation 1.1 could not be opened: rank 1 at 127.0.0.1:1 (the connection was refused, nobody listens there).',
    });
  });

  it('carry messages that are larger than any window or buffer, and sending never blocks', async () => {
    const [first, second] = await Promise.all([startServer(), startServer()]);
    const generation = withAddresses(generationOf([1, 1]), [first.address, second.address]);
    await Promise.all([
      first.transport.open(generation, 'worker-0', soon()),
      second.transport.open(generation, 'worker-1', soon()),
    ]);
    const values = new Float32Array(4_000_000);
    const arrival = collect(second.transport, 2);
    for (const round of [1, 2]) {
      const message = messageOf(generation, { round, vectorLength: values.length, values });
      first.transport.send(1, message);
    }
    expect((await arrival).map((message) => message.values.length)).toEqual([4e6, 4e6]);
  });
});

describe('a state', () => {
  it('is fetched from the worker that holds it', async () => {
    const server = await startServer();
    const fetcher = grpcStateFetcher({ token: 'secret' });
    const bytes = await fetcher.fetch(server.address, { round: 7, hash: 'aa' }, soon());
    expect(bytes.length).toBe(700_000);
    expect(bytes.every((byte) => byte === 7)).toBe(true);
  });

  it('that is not held, a holder that is gone, a wrong token: each has its code', async () => {
    const server = await startServer();
    const fetcher = grpcStateFetcher({ token: 'secret' });
    await expect(
      fetcher.fetch(server.address, { round: 7, hash: 'bb' }, soon()),
    ).rejects.toMatchObject({
      code: 'FT_STATE_UNKNOWN',
      message: 'The state of round 7 (bb) is not held by this worker.',
    });
    await expect(
      fetcher.fetch('127.0.0.1:1', { round: 7, hash: 'aa' }, soon()),
    ).rejects.toMatchObject({ code: 'FT_PEER_UNREACHABLE' });
    await expect(
      grpcStateFetcher({ token: 'x' }).fetch(server.address, { round: 7, hash: 'aa' }, soon()),
    ).rejects.toMatchObject({ code: 'FT_TOKEN_REFUSED' });
  });
});
