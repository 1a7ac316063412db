/**
 * The files that torchvision publishes (torchvision/models/*.py, `WeightsEnum`; BSD-3-Clause licence): ImageNet-1k classifiers of
 * every architecture. The eight hex digits in a name are the first of the file's SHA-256, and are checked.
 */

const baseUrl = 'https://download.pytorch.org/models/';

/** By architecture, IMAGENET1K_V1 (which `pretrained=True` gave) and, where there is one, IMAGENET1K_V2. */
const files: Readonly<Record<string, readonly string[]>> = {
  alexnet: ['alexnet-owt-7be5be79.pth'],
  densenet121: ['densenet121-a639ec97.pth'],
  densenet161: ['densenet161-8d451a50.pth'],
  densenet169: ['densenet169-b2777c0a.pth'],
  densenet201: ['densenet201-c1103571.pth'],
  inception_v3: ['inception_v3_google-0cc3c7bd.pth'],
  mobilenet_v2: ['mobilenet_v2-b0353104.pth', 'mobilenet_v2-7ebf99e0.pth'],
  resnet18: ['resnet18-f37072fd.pth'],
  resnet34: ['resnet34-b627a593.pth'],
  resnet50: ['resnet50-0676ba61.pth', 'resnet50-11ad3fa6.pth'],
  resnet101: ['resnet101-63fe2227.pth', 'resnet101-cd907fc2.pth'],
  resnet152: ['resnet152-394f9c45.pth', 'resnet152-f82ba261.pth'],
  squeezenet1_0: ['squeezenet1_0-b66bff10.pth'],
  squeezenet1_1: ['squeezenet1_1-b8a52dc0.pth'],
  vgg11: ['vgg11-8a719046.pth'],
  vgg11_bn: ['vgg11_bn-6002323d.pth'],
  vgg13: ['vgg13-19584684.pth'],
  vgg13_bn: ['vgg13_bn-abd245e5.pth'],
  vgg16: ['vgg16-397923af.pth'],
  vgg16_bn: ['vgg16_bn-6c64b313.pth'],
  vgg19: ['vgg19-dcbb9e9d.pth'],
  vgg19_bn: ['vgg19_bn-c79401a0.pth'],
};

export interface PublishedWeights {
  /** torchvision's name of the weights: IMAGENET1K_V1. */
  readonly name: string;
  readonly file: string;
  readonly url: string;
  /** First digits of the file's SHA-256. */
  readonly sha256Start: string;
}

/** What torchvision publishes for an architecture, the version that `pretrained=True` gave first; empty: nothing. */
export function publishedWeights(architecture: string): PublishedWeights[] {
  const versions = Object.hasOwn(files, architecture) ? files[architecture]! : [];
  return versions.map((file, i) => ({
    name: `IMAGENET1K_V${i + 1}`,
    file,
    url: `${baseUrl}${file}`,
    sha256Start: /-([0-9a-f]{8})\.pth$/.exec(file)![1]!,
  }));
}

const publishedUrls: ReadonlySet<string> = new Set(
  Object.values(files).flatMap((names) => names.map((file) => `${baseUrl}${file}`)),
);

/** Whether a URL is that of a file that torchvision publishes. */
export function isPublishedUrl(url: string): boolean {
  return publishedUrls.has(url);
}

/** The architectures that torchvision publishes weights of. */
export const publishedArchitectures: readonly string[] = Object.keys(files);
