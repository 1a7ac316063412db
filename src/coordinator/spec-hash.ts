import { createHash } from 'node:crypto';
import type { RunSpec } from '../config/run-spec.js';
import type { RunIdentity } from './run-identity.js';

/**
 * Names everything that decides the bits of a run's rounds: rounds done again under the same hash must give the same
 * bits. Left out is what may differ between two launches of a run and changes no round: names, addresses, caches, the
 * number of workers and of the last phase's epochs.
 */
export function specHash(spec: RunSpec, identity: RunIdentity): string {
  const { seed, data, model, phases, batch, best, engine, training } = spec;
  const last = phases.length - 1;
  return createHash('sha256')
    .update(
      JSON.stringify({
        ...{ seed, model, batch, best, training },
        data: { ...data, source: undefined, rules: undefined, classNames: undefined },
        phases: phases.map((phase, index) =>
          index === last ? { ...phase, epochs: undefined } : phase,
        ),
        engine: { ...engine, threads: undefined },
        ...identity,
      }),
    )
    .digest('hex');
}
