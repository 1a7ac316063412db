import { describe, expect, test } from 'vitest';
import { modelReport, modelsTable } from '../../../src/cli/models-report.js';
import { listArchitectures } from '../../../src/models/describe/architecture-list.js';
import { reportArchitecture } from '../../../src/models/describe/architecture-report.js';
import { architectureNames } from '../../../src/models/registry.js';

const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => line.length));

function shown(architecture: string, columns: number): string[] {
  const { report, lines } = reportArchitecture({
    architecture,
    width: 1,
    split: { train: ['head'], except: [] },
    numClasses: 16,
  });
  return modelReport(report, lines, columns);
}

test('the table of architectures fits 80 columns and has them all', () => {
  const lines = modelsTable(listArchitectures());
  expect(widest(lines)).toBeLessThanOrEqual(80);
  const names = lines.map((line) => line.split(' ')[0]!);
  for (const name of architectureNames) expect(names).toContain(name);
  expect(lines.slice(0, 3)).toEqual([
    'NAME            PARAMETERS       IMAGE    FEATURES   MULT-ADDS  WEIGHTS',
    'alexnet         61,100,840   224 (63+)       4,096     0.714 G  V1',
    'densenet121      7,978,856   224 (29+)       1,024      2.83 G  V1',
  ]);
});

describe('the layers of an architecture', () => {
  test('fit the terminal', () => {
    for (const columns of [80, 120]) {
      for (const architecture of ['resnet50', 'inception_v3', 'squeezenet1_0', 'densenet201']) {
        expect(widest(shown(architecture, columns))).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('are told with what becomes of the classifier', () => {
    expect(shown('squeezenet1_0', 80).slice(0, 23)).toMatchInlineSnapshot(`
      [
        "squeezenet1_0, images of 224 x 224, 86,528 features",
        "The classifier is trained, the rest is frozen.",
        "",
        "                  as published        replaced",
        "classes                  1,000              16",
        "parameters           1,248,424         743,632",
        "  frozen               735,424         735,424",
        "  trained              513,000           8,208",
        "multiply-adds          0.819 G         0.734 G",
        "",
        "trained         8,208 parameters, 1.1 %",
        "taken from      features.12.cat 512x13x13",
        "features        86,528, 346.1 kB an image and view",
        "gradient        32.8 kB a step",
        "",
        "REPLACED",
        "  (classifier.1): Conv2d(512, 1000, kernel_size=(1, 1), stride=(1, 1))",
        "               -> Conv2d(512, 16, kernel_size=(1, 1), stride=(1, 1))",
        "",
        "                                                    OUTPUT   PARAMETERS",
        "SqueezeNet(                                             16      743,632  partly",
        "  (features): Sequential(                        512x13x13      735,424  frozen",
        "    (0): Conv2d(3, 96, kernel_size=(7, 7),      96x109x109       14,208  frozen",
      ]
    `);
  });

  test.each([
    [['all'], [], 'Everything is trained.'],
    [['all'], ['*.bn?.*', 'conv1'], 'Everything is trained but *.bn?.*, conv1.'],
    [
      ['layer4', 'conv1.weight'],
      ['layer4.0'],
      'Trained: layer4 and what follows it, conv1.weight, and the classifier; the rest is frozen. Without layer4.0.',
    ],
  ])('are told with what is trained: %j without %j', (train, except, text) => {
    const { report, lines } = reportArchitecture({
      ...{ architecture: 'resnet18', width: 1, imageSize: 64, split: { train, except } },
    });
    expect(modelReport(report, lines, 80)[1]).toBe(text);
  });

  test('are told with the first of what the frozen ones give', () => {
    const { report, lines } = reportArchitecture({
      ...{ architecture: 'densenet121', width: 1, imageSize: 64 },
      split: { train: ['features.denseblock4.denselayer10'], except: [] },
    });
    const shownLines = modelReport(report, lines, 80);
    const from = shownLines.findIndex((line) => line.startsWith('taken from'));
    expect(shownLines.slice(from, from + 6)).toEqual([
      'taken from      features.transition3.pool 512x2x2',
      '                features.denseblock4.denselayer1.conv2 32x2x2',
      '                features.denseblock4.denselayer2.conv2 32x2x2',
      '                features.denseblock4.denselayer3.conv2 32x2x2',
      '                and 6 more',
      'features        3,200, 12.8 kB an image and view',
    ]);
  });

  test('are as PyTorch prints them where there is no terminal', () => {
    const { report } = reportArchitecture({
      architecture: 'vgg11_bn',
      width: 1,
      split: { train: ['head'], except: [] },
      numClasses: 16,
    });
    const lines = shown('vgg11_bn', Infinity);
    const tree = lines.slice(lines.findIndex((line) => line.startsWith('VGG(')));
    const texts = report.tree.split('\n');
    expect(tree.length).toBe(texts.length);
    for (const [i, text] of texts.entries()) expect(tree[i]!.startsWith(text)).toBe(true);
  });
});
