import type { Layer, SimpleLayer } from '../network.js';
import { adaptiveAvgPoolRule } from './adaptive-avg-pool.js';
import { addRule } from './add.js';
import { affineRule } from './affine.js';
import { avgPoolRule } from './avg-pool.js';
import { batchNormRule } from './batch-norm.js';
import { concatRule } from './concat.js';
import { convRule } from './conv/conv.js';
import { dropoutRule } from './dropout.js';
import { flattenRule } from './flatten.js';
import { linearRule } from './linear.js';
import { maxPoolRule } from './max-pool.js';
import { reluRule } from './relu.js';
import { relu6Rule } from './relu6.js';
import type { Rule } from './rule.js';

type LayerOf<K extends Layer['kind']> = K extends SimpleLayer['kind']
  ? SimpleLayer
  : Extract<Layer, { kind: K }>;

type Rules = { readonly [K in Layer['kind']]: Rule<LayerOf<K>> };

const rules: Rules = {
  conv2d: convRule,
  batchNorm: batchNormRule,
  maxPool: maxPoolRule,
  avgPool: avgPoolRule,
  adaptiveAvgPool: adaptiveAvgPoolRule,
  linear: linearRule,
  affine: affineRule,
  dropout: dropoutRule,
  relu: reluRule,
  relu6: relu6Rule,
  add: addRule,
  concat: concatRule,
  flatten: flattenRule,
};

/** The rule of a layer. */
export function ruleOf(layer: Layer): Rule {
  return rules[layer.kind] as Rule;
}
