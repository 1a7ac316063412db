import type { ExplicitPadding, Layer, Padding, Pair } from '../network.js';

/** Layers as PyTorch prints the modules that they are in torchvision. */

const tuple = ([vertical, horizontal]: Pair): string => `(${vertical}, ${horizontal})`;

/** Pools are made with one number for both sides, and are printed so. */
const side = (sides: Pair): string => (sides[0] === sides[1] ? String(sides[0]) : tuple(sides));

const python = (value: boolean): string => (value ? 'True' : 'False');

/** As Python prints a float: 1e-05, 0.001. */
function float(value: number): string {
  return value < 1e-4 ? value.toExponential().replace(/e-(\d)$/, 'e-0$1') : String(value);
}

/** PyTorch has one number for top and bottom; a padding that it cannot have is printed as it is. */
function sides(padding: ExplicitPadding): Pair | string {
  const { top, left, bottom, right } = padding;
  return top === bottom && left === right
    ? [top, left]
    : `top ${top}, left ${left}, bottom ${bottom}, right ${right}`;
}

function paddingText(padding: Padding, write: (sides: Pair) => string): string {
  if (padding === 'same') return "'same'";
  const found = sides(padding);
  return typeof found === 'string' ? `(${found})` : write(found);
}

const isOne = (sides: Pair): boolean => sides[0] === 1 && sides[1] === 1;

function isNone(padding: Padding): boolean {
  return padding !== 'same' && Object.values(padding).every((pixels) => pixels === 0);
}

/** PyTorch's text of the layer's module; the empty text for a layer that no module of PyTorch's does. */
export function moduleText(layer: Layer): string {
  switch (layer.kind) {
    case 'conv2d': {
      const { inChannels, outChannels, kernel, stride, padding, dilation, groups, bias } = layer;
      const options = [
        `kernel_size=${tuple(kernel)}`,
        `stride=${tuple(stride)}`,
        ...(isNone(padding) ? [] : [`padding=${paddingText(padding, tuple)}`]),
        ...(isOne(dilation) ? [] : [`dilation=${tuple(dilation)}`]),
        ...(groups === 1 ? [] : [`groups=${groups}`]),
        ...(bias ? [] : ['bias=False']),
      ];
      return `Conv2d(${inChannels}, ${outChannels}, ${options.join(', ')})`;
    }
    case 'batchNorm': {
      const momentum = layer.momentum === null ? 'None' : float(layer.momentum);
      return `BatchNorm2d(${layer.channels}, eps=${float(layer.epsilon)}, momentum=${momentum}, affine=True, track_running_stats=True)`;
    }
    case 'maxPool': {
      const { kernel, stride, padding, dilation, ceilMode } = layer;
      return `MaxPool2d(kernel_size=${side(kernel)}, stride=${side(stride)}, padding=${paddingText(padding, side)}, dilation=${side(dilation)}, ceil_mode=${python(ceilMode)})`;
    }
    case 'avgPool': {
      const { kernel, stride, padding } = layer;
      return `AvgPool2d(kernel_size=${side(kernel)}, stride=${side(stride)}, padding=${paddingText(padding, side)})`;
    }
    case 'adaptiveAvgPool':
      return `AdaptiveAvgPool2d(output_size=${tuple(layer.outputSize)})`;
    case 'linear': {
      const { inFeatures, outFeatures, bias } = layer;
      return `Linear(in_features=${inFeatures}, out_features=${outFeatures}, bias=${python(bias)})`;
    }
    case 'dropout':
      return `Dropout(p=${layer.probability}, inplace=False)`;
    case 'relu':
      return 'ReLU(inplace=True)';
    case 'relu6':
      return 'ReLU6(inplace=True)';
    case 'add':
    case 'concat':
    case 'flatten':
    case 'affine':
      return '';
  }
}
