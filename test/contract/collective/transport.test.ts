import { MemoryNetwork } from '../../../src/collective/memory-transport.js';
import { startWorkerServer } from '../../../src/collective/worker-server.js';
import type { Generation } from '../../../src/rpc/generation.js';
import { generationOf, incarnation } from '../../unit/collective/generations.js';
import { TcpProxy } from './tcp-proxy.js';
import { describeTransport, type Fixture } from './transport-contract.js';

describeTransport('memory', (n) => {
  const network = new MemoryNetwork();
  const transports = Array.from({ length: n }, (_, rank) => network.join(incarnation(rank)));
  return Promise.resolve({
    transports,
    generation: generationOf,
    breakStream: (from: number, to: number) => {
      network.breakStream(incarnation(from), incarnation(to));
    },
    close: async () => {
      for (const transport of transports) await transport.close();
    },
  });
});

describeTransport('gRPC', async (n): Promise<Fixture> => {
  const servers = await Promise.all(
    Array.from({ length: n }, () =>
      startWorkerServer({ host: '127.0.0.1', token: 'secret', states: () => undefined }),
    ),
  );
  // Each member is reached through a proxy, so that its connections can be cut.
  const proxies = await Promise.all(
    servers.map((server) => TcpProxy.to(Number(server.address.split(':')[1]))),
  );
  return {
    transports: servers.map((server) => server.transport),
    generation: (shards, options): Generation => {
      const generation = generationOf(shards, options);
      return {
        ...generation,
        members: generation.members.map((member, rank) => ({
          ...member,
          address: proxies[rank]!.address,
        })),
      };
    },
    breakStream: (from) => {
      proxies[from]!.cut();
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
});
