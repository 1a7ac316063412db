export { catalogue, type CatalogueEntry, type ErrorCode, type ExitCode } from './catalogue.js';
export { FtctlError, type FtctlErrorJson, type FtctlErrorOptions } from './ftctl-error.js';
