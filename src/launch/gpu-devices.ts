import { execFile } from 'node:child_process';
import { FtctlError } from '../errors/index.js';

/** Runs a program and gives its standard output; rejects when it fails. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<string>;

/**
 * The GPUs that workers may use, as ids for CUDA_VISIBLE_DEVICES: those that the launcher was given, else all that
 * `nvidia-smi` lists. Rejects with FT_ENGINE_UNAVAILABLE when there is none.
 */
export async function visibleDevices(
  env: NodeJS.ProcessEnv = process.env,
  run: RunProgram = runProgram,
): Promise<string[]> {
  const given = env['CUDA_VISIBLE_DEVICES'];
  if (given !== undefined) {
    const devices = given.split(',').map((id) => id.trim());
    // CUDA itself ignores all from the first invalid id on, and -1 is the usual way to hide all devices.
    const end = devices.findIndex((id) => id === '' || id.startsWith('-'));
    const valid = end < 0 ? devices : devices.slice(0, end);
    if (valid.length > 0) return valid;
    throw new FtctlError('FT_ENGINE_UNAVAILABLE', {
      what: `engine.provider is cuda, and CUDA_VISIBLE_DEVICES ("${given}") hides every GPU.`,
      remedy: 'Unset CUDA_VISIBLE_DEVICES, or use `engine.provider: cpu`.',
    });
  }
  let output: string;
  try {
    output = await run('nvidia-smi', ['--query-gpu=uuid', '--format=csv,noheader']);
  } catch (cause) {
    throw new FtctlError('FT_ENGINE_UNAVAILABLE', {
      what: 'engine.provider is cuda, and nvidia-smi cannot list the GPUs of this machine.',
      why: isNotInstalled(cause)
        ? 'It is not installed.'
        : cause instanceof Error
          ? firstLine(cause.message)
          : String(cause),
      remedy: "Install NVIDIA's driver, set CUDA_VISIBLE_DEVICES, or use `engine.provider: cpu`.",
      cause,
    });
  }
  const devices = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('GPU-'));
  if (devices.length > 0) return devices;
  throw new FtctlError('FT_ENGINE_UNAVAILABLE', {
    what: 'engine.provider is cuda, and this machine has no NVIDIA GPU.',
    remedy: 'Use `engine.provider: cpu`.',
  });
}

function runProgram(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 10_000, killSignal: 'SIGKILL' }, (error, stdout) => {
      if (error === null) resolve(stdout);
      // An Error with what there is to tell; `code` is ENOENT where there is no such program.
      else reject(Object.assign(new Error(error.message, { cause: error }), { code: error.code }));
    });
  });
}

function isNotInstalled(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

function firstLine(text: string): string {
  return `${text.split('\n')[0] ?? ''}.`;
}
