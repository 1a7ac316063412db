// Writes the TypeScript types of the protos to src/rpc/gen. With --check nothing is written: a difference between the
// committed files and the protos is printed, with the command that repairs it, and the exit code is 1.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, cpSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const protoDir = join(root, 'proto');
const committedDir = join(root, 'src/rpc/gen');
const header = '// Generated from proto/ by `npm run proto:types`. Do not edit.\n\n';

// The options that src/rpc/proto.ts gives the loader at run time; both must agree.
const loaderFlags = [
  '--longs=Number',
  '--enums=String',
  '--defaults',
  '--oneofs',
  '--includeComments',
  '--grpcLib=@grpc/grpc-js',
  '--importFileExtension=.js',
  '--inputTemplate=%sInput',
  '--outputTemplate=%s',
];

function filesBelow(dir, ending) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

function generate(outDir) {
  const loader = createRequire(import.meta.url).resolve('@grpc/proto-loader');
  const tool = join(dirname(loader), '../bin/proto-loader-gen-types.js');
  const protos = filesBelow(protoDir, '.proto');
  execFileSync(
    process.execPath,
    [tool, ...loaderFlags, `--includeDirs=${protoDir}`, `--outDir=${outDir}`, ...protos],
    { cwd: protoDir, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  for (const name of filesBelow(outDir, '.ts')) {
    const path = join(outDir, name);
    // The tool names the original file relative to the current folder, which must not show.
    const text = readFileSync(path, 'utf8').replace(/^\/\/ Original file: .*\n+/, '');
    writeFileSync(path, header + text);
  }
}

function differences(expectedDir) {
  const expected = filesBelow(expectedDir, '.ts');
  const committed = filesBelow(committedDir, '.ts');
  const names = [...new Set([...expected, ...committed])].sort();
  return names.filter((name) => {
    if (!expected.includes(name) || !committed.includes(name)) return true;
    return (
      readFileSync(join(expectedDir, name), 'utf8') !==
      readFileSync(join(committedDir, name), 'utf8')
    );
  });
}

const temporary = mkdtempSync(join(tmpdir(), 'ftctl-proto-'));
try {
  generate(temporary);
  if (process.argv.includes('--check')) {
    const different = differences(temporary);
    for (const name of different) console.error(`src/rpc/gen/${name} does not match proto/.`);
    if (different.length > 0) {
      console.error('Run `npm run proto:types` and commit the result.');
      process.exitCode = 1;
    }
  } else {
    rmSync(committedDir, { recursive: true, force: true });
    cpSync(temporary, committedDir, { recursive: true });
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
