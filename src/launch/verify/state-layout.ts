import type { RunSpec } from '../../config/run-spec.js';
import { backboneHead } from '../../models/backbone/open-backbone.js';
import { headLayout } from '../../models/head.js';
import { parameterLayout, type ParameterEntry } from '../../models/parameter-layout.js';
import { planPhases } from '../../models/prepare-phases.js';
import { describeNetwork, torchvisionSpec } from '../../models/registry.js';
import { statisticsLayout } from '../../models/run-tensors.js';

/** Names of what lies in the flat vectors of a training state. */
export interface StateLayout {
  readonly parameters: readonly ParameterEntry[];
  readonly statistics: readonly ParameterEntry[];
}

/** The layout of a run's state, as its configuration says it. `numParameters`: of the state. Pure. */
export function stateLayout(
  { model, data, phases }: Pick<RunSpec, 'model' | 'data' | 'phases'>,
  { numClasses, numParameters }: { readonly numClasses: number; readonly numParameters: number },
): StateLayout {
  if ('onnx' in model) {
    // Weight [K, F] and bias [K].
    const head = backboneHead(numParameters / numClasses - 1, numClasses);
    return { parameters: headLayout(head).entries, statistics: [] };
  }
  const network = describeNetwork(torchvisionSpec(model.architecture, model.width, numClasses));
  const plan = planPhases(network, data.imageSize, phases);
  return {
    parameters: parameterLayout(plan.parameters).entries,
    statistics: statisticsLayout(plan.statistics).flatMap(({ layer, channels, offset }) =>
      ['mean', 'var'].map((which, index) => ({
        name: `${layer}.running_${which}`,
        shape: [channels],
        offset: offset + index * channels,
        length: channels,
      })),
    ),
  };
}
