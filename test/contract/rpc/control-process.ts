// A worker that says hello on its control stream, for tests that kill it. Prints the type of each message that it
// gets. `release` ends it: it closes its client and has nothing left to do.
import { connectCoordinator } from '../../../src/rpc/coordinator-client.js';

const [address, token, incarnation] = process.argv.slice(2) as [string, string, string];
const client = connectCoordinator({ address, token });
const link = client.openControl(new AbortController().signal);
link.onLost((cause) => {
  console.log(`lost: ${cause}`);
  void client.close();
});
link.onMessage((message) => {
  console.log(message.type);
  if (message.type !== 'release') return;
  link.send({ type: 'stage', stage: 'leaving', round: 9 });
  void client.close();
});
link.send({
  type: 'hello',
  incarnation,
  slot: 0,
  pid: process.pid,
  host: 'localhost',
  address: '127.0.0.1:1',
  metricsAddress: '',
  fingerprint: '{}',
  probe: '',
});
