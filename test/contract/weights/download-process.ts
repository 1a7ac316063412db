/** Downloads a file and prints its path: node --import tsx download-process.ts URL SHA256 CACHE */
import { download } from '../../../src/util/download.js';

const [url, hex, cacheDir] = process.argv.slice(2) as [string, string, string];
console.log(
  await download({ url, expected: { algorithm: 'sha256', hex }, cacheDir, maxBytes: 1e9 }),
);
