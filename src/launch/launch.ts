import { loadConfig, type LoadedConfig } from '../config/load.js';
import { checkResumable } from '../config/resume.js';
import type { RunResult } from '../control/events.js';
import { checkModelSpec } from '../models/check-spec.js';
import { connectCoordinator } from '../rpc/coordinator-client.js';
import { createToken } from '../rpc/token.js';
import { systemClock } from '../util/clock.js';
import { visibleDevices } from './gpu-devices.js';
import { localTarget } from './local-target.js';
import { type LaunchOptions, runLaunch } from './run-launch.js';
import { defaultLimits } from './supervision-limits.js';

export type { LaunchOptions } from './run-launch.js';

/**
 * Trains: makes the run folder (or takes the one to resume), starts coordinator and workers on this machine, and
 * watches them until the last one has ended. Resolves with the result of a run that finished or was stopped;
 * rejects with an FtctlError whose `details` hold `runDir` (null when there is none) and `resumable`. Leaves no process.
 */
export function launch(config: LoadedConfig, options: LaunchOptions): Promise<RunResult> {
  let devices: readonly string[] = [];
  return runLaunch(config, options, {
    makeTarget: (run, token) => localTarget({ run, token, devices, spec: config.spec }),
    connect: (address, token) => connectCoordinator({ address, token }),
    createToken,
    readConfig: (path) => loadConfig({ path }),
    checkLaunch: async (spec) => {
      checkModelSpec(spec, config.locate);
      if (spec.engine.provider === 'cuda') devices = await visibleDevices();
    },
    checkResumable,
    clock: systemClock,
    now: () => new Date(),
    limits: defaultLimits,
  });
}
