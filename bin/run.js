#!/usr/bin/env node
const [command, ...rest] = process.argv.slice(2);

// A launch starts several of these at once: the short way loads only what they need.
if ((command === 'coordinator' || command === 'worker') && !rest.includes('--help')) {
  const { childMain } = await import('../dist/cli/child.js');
  await childMain(command, rest);
} else {
  const { main } = await import('../dist/cli/main.js');
  await main(process.argv.slice(2), import.meta.dirname);
}
