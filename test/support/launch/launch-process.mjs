/** A launcher in a process of its own, to be killed: `node launch-process.mjs RUNS_DIR` with `FAKE` as in fake-ftctl.mjs. */
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { localTarget } from '../../../dist/launch/local-target.js';
import { runLaunch } from '../../../dist/launch/run-launch.js';
import { defaultLimits } from '../../../dist/launch/supervision-limits.js';
import { systemClock } from '../../../dist/util/clock.js';

const command = [process.execPath, fileURLToPath(new URL('./fake-ftctl.mjs', import.meta.url))];
const engine = { provider: 'cpu' };
const metrics = { enabled: false };
const spec = { name: 'fake', workers: { count: 2 }, engine, metrics };
const config = { spec, yaml: 'a: 1\n', locate: () => 'run.yaml:1:1' };
const link = (address, token) => ({
  watch: (onEvent) =>
    new Promise((resolve) => {
      const [host, port] = address.split(':');
      const socket = connect(Number(port), host);
      socket.write(`${JSON.stringify({ type: 'watch', token })}\n`);
      socket.setEncoding('utf8').on('data', (text) => {
        for (const line of text.split('\n').filter(Boolean)) onEvent(JSON.parse(line));
      });
      socket.on('close', resolve).on('error', () => undefined);
    }),
  stop: () => Promise.resolve(),
  close: () => Promise.resolve(),
});
await runLaunch(
  config,
  { runsDir: process.argv[2], onEvent: (event) => console.log(event.type) },
  {
    makeTarget: (run, token) =>
      Promise.resolve(localTarget({ run, token, devices: [], command, spec })),
    connect: link,
    createToken: () => 'secret',
    readConfig: () => Promise.resolve(config),
    checkLaunch: () => undefined,
    checkResumable: () => undefined,
    clock: systemClock,
    now: () => new Date(),
    limits: defaultLimits,
  },
);
