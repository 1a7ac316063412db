/**
 * The names of families, as the well-known transfer-learning recipes use them, and the architecture that those build. A configuration
 * may have either; what is stored of a run is the architecture.
 */
export const architectureAliases: Readonly<Record<string, string>> = {
  resnet: 'resnet18',
  vgg: 'vgg11_bn',
  squeezenet: 'squeezenet1_0',
  densenet: 'densenet121',
  inception: 'inception_v3',
};

/** The architecture that a name stands for; a name that is no alias as it is. */
export function resolveArchitecture(name: string): string {
  return Object.hasOwn(architectureAliases, name) ? architectureAliases[name]! : name;
}
