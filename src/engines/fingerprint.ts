import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { sha256Hex } from '../util/blob-store.js';
import { cpuClass } from './cpu-class.js';
import { graphOptimization, type Provider } from './onnx-session.js';

export { numericProbe } from './numeric-probe.js';

const require = createRequire(import.meta.url);

/**
 * The installed version of a package, from its package.json; the package is not loaded. Found by the folders that Node would look
 * in, as not every package exports its package.json.
 */
function packageVersion(name: string): string {
  for (const dir of require.resolve.paths(name) ?? []) {
    let text: string;
    try {
      text = readFileSync(join(dir, name, 'package.json'), 'utf8');
    } catch {
      continue;
    }
    return (JSON.parse(text) as { version?: string }).version ?? 'unknown';
  }
  return 'absent';
}

/** sharp brings libvips in a package of its own for each platform. */
function decoderVersions(): { sharp: string; sharpLibvips: string } {
  const { platform, arch } = process;
  const systems = platform === 'linux' ? ['linux', 'linuxmusl'] : [platform];
  const sharpLibvips = systems
    .map((system) => packageVersion(`@img/sharp-libvips-${system}-${arch}`))
    .find((version) => version !== 'absent');
  return { sharp: packageVersion('sharp'), sharpLibvips: sharpLibvips ?? 'system' };
}

/**
 * What the bits of a run may depend on in this environment. Processes whose fingerprints are equal compute equal results;
 * `canonical` is JSON in a fixed key order, `hash` its SHA-256.
 */
export function fingerprint(o: {
  readonly provider: Provider;
}): Promise<{ canonical: string; hash: string }> {
  const canonical = JSON.stringify({
    engine: 'onnxruntime',
    engineVersion: packageVersion('onnxruntime-node'),
    provider: o.provider,
    graphOptimization,
    decoder: decoderVersions(),
    node: process.versions.node,
    v8: process.versions.v8,
    platform: process.platform,
    arch: process.arch,
    cpu: cpuClass(),
  });
  return Promise.resolve({ canonical, hash: sha256Hex(canonical) });
}
