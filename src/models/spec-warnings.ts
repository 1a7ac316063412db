import { isHead } from '../config/phase-checks.js';
import { phaseWarnings } from '../config/phase-warnings.js';
import type { RunSpec } from '../config/run-spec.js';
import { possibleNetworks } from './check-spec.js';
import { resolveTrained } from './split-point.js';

/** Sentences on what a valid configuration ({@link checkModelSpec} takes it) says in vain. */
export function specWarnings({ model, phases }: Pick<RunSpec, 'model' | 'phases'>): string[] {
  const networks = possibleNetworks(model);
  const classifierAlone = phases.flatMap(({ train, except }, index) => {
    if (isHead({ train }) || except.length === 0) return [];
    const isAlone = networks.every((network) => {
      const classifier = resolveTrained(network, { train: ['head'], except: [] });
      return resolveTrained(network, { train, except }).length === classifier.length;
    });
    if (!isAlone) return [];
    const name = `phases.${index}`;
    return [
      `${name}.except takes away all that ${name}.train (${train.join(', ')}) names but the classifier, which is trained alone, as with train: head.`,
    ];
  });
  return [...phaseWarnings(phases), ...classifierAlone];
}
