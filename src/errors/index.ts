export { catalogue, type ErrorCode, type ExitCode } from './catalogue.js';
export { FtctlError, type FtctlErrorJson } from './ftctl-error.js';
