// A worker's collective server in a process of its own, for tests that kill it. Prints its address, then opens the
// generation that comes on stdin as one line of JSON, and prints "open". Ends when stdin ends.
import { createInterface } from 'node:readline';
import { startWorkerServer } from '../../../src/collective/worker-server.js';
import type { Generation } from '../../../src/rpc/generation.js';

const [self, token] = process.argv.slice(2) as [string, string];
const server = await startWorkerServer({ host: '127.0.0.1', token, states: () => undefined });
console.log(server.address);
for await (const line of createInterface({ input: process.stdin })) {
  const generation = JSON.parse(line) as Generation;
  await server.transport.open(generation, self, AbortSignal.timeout(10_000));
  console.log('open');
}
await server.close();
