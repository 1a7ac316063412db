import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as CollectiveProto } from './gen/collective.js';
import type { ProtoGrpcType as CoordinatorProto } from './gen/coordinator.js';

type Services = CollectiveProto['ftctl']['collective']['v1'] &
  CoordinatorProto['ftctl']['coordinator']['v1'];

let loaded: Pick<Services, 'CollectiveService' | 'CoordinatorService'> | undefined;

/**
 * The services of proto/, loaded at the first use (some 40 ms, which commands that make no call do not pay). The
 * loader's options are those that scripts/generate-proto-types.mjs makes the types for.
 */
export function services(): Pick<Services, 'CollectiveService' | 'CoordinatorService'> {
  if (loaded !== undefined) return loaded;
  // grpc-js writes to stderr what it also reports to its caller, who tells it in better words.
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
  const protoDir = fileURLToPath(new URL('../../proto/', import.meta.url));
  const definition = loadSync(
    ['ftctl/coordinator/v1/coordinator.proto', 'ftctl/collective/v1/collective.proto'],
    { includeDirs: [protoDir], longs: Number, enums: String, defaults: true, oneofs: true },
  );
  const { ftctl } = loadPackageDefinition(definition) as unknown as {
    ftctl: CollectiveProto['ftctl'] & CoordinatorProto['ftctl'];
  };
  loaded = {
    CollectiveService: ftctl.collective.v1.CollectiveService,
    CoordinatorService: ftctl.coordinator.v1.CoordinatorService,
  };
  return loaded;
}
