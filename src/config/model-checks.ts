import { unused } from './problem-parts.js';
import { missingKey, type Problem } from './problems.js';
import type { UserConfig } from './schema.js';
import { weightsProblems } from './weights-reference.js';

type Model = UserConfig['model'];

/** Whether a model names its network, one way or the other. */
export function hasNetwork({ onnx, architecture, weights }: Model): boolean {
  return onnx !== null || (architecture !== null && weights !== null);
}

/** What is wrong with the keys of `model` together: it is an architecture with weights, or an ONNX file. */
export function modelProblems(model: Model): Problem[] {
  const { onnx, output, architecture, width, weights, integrity } = model;
  if (onnx !== null) {
    const reason = 'model.onnx is the network, with its weights';
    return [
      ...unused(architecture, ['model', 'architecture'], reason),
      ...unused(width === 1 ? null : String(width), ['model', 'width'], reason),
      ...unused(weights, ['model', 'weights'], reason),
      ...unused(integrity, ['model', 'integrity'], reason),
    ];
  }
  return [
    ...(architecture === null ? [missingKey(['model', 'architecture'])] : []),
    ...(weights === null
      ? [missingKey(['model', 'weights'])]
      : weightsProblems(weights, integrity)),
    ...unused(output, ['model', 'output'], 'there is no model.onnx'),
  ];
}
