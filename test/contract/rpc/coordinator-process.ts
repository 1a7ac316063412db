// A coordinator's server in a process of its own, for tests that kill it. Prints its address; ends when stdin ends.
import { createHash } from 'node:crypto';
import { startCoordinatorServer } from '../../../src/rpc/coordinator-server.js';

const server = await startCoordinatorServer({
  host: '127.0.0.1',
  port: 0,
  token: process.argv[2]!,
  blobs: () => Promise.resolve(undefined),
  states: () => undefined,
  events: { subscribe: () => () => undefined },
  onStop: () => undefined,
});
server.plane.onMessage((incarnation) => {
  server.plane.send(incarnation, { type: 'release', reason: createHash('md5').digest('hex') });
});
server.plane.onLost(() => undefined);
console.log(server.address);
process.stdin.on('end', () => {
  void server.close();
});
process.stdin.resume();
