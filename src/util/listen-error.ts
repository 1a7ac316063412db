import { FtctlError } from '../errors/index.js';

/** Why a server could not listen, for a user: FT_PORT_IN_USE, FT_ADDRESS_UNUSABLE, or FT_INTERNAL. */
export function listenError(
  error: unknown,
  server: {
    /** What the port is for: `metrics`. */
    readonly what: string;
    /** The configuration's name for it: `metrics.port`. */
    readonly setting: string;
    readonly host: string;
    readonly port: number;
  },
): FtctlError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const { what, setting, host, port } = server;
  const details = { host, port, setting };
  if (code === 'EADDRINUSE') {
    return new FtctlError('FT_PORT_IN_USE', {
      what: `Port ${port} on ${host} (${what}) is taken by another process.`,
      remedy: `Stop the other process, change ${setting}, or set it to 0 for a free port.`,
      cause: error,
      details,
    });
  }
  const why = typeof code === 'string' ? reasons[code] : undefined;
  if (why === undefined) return FtctlError.from(error);
  return new FtctlError('FT_ADDRESS_UNUSABLE', {
    what: `Cannot listen on ${host}, port ${port} (${what}).`,
    why,
    cause: error,
    details,
  });
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'The system does not permit it: ports below 1024 need privileges.',
  EADDRNOTAVAIL: 'No network interface of this machine has this address.',
  ENOTFOUND: 'The host name is not known.',
  EAI_AGAIN: 'The host name cannot be looked up now.',
};
