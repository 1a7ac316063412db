/** The library: what the commands are built on. */
export { loadConfig, type LoadedConfig, type LoadOptions } from './config/load.js';
export type { RunSpec } from './config/run-spec.js';
export type { RunEvent, RunEventBody, RunResult, Score } from './control/events.js';
export { FtctlError, type ErrorCode, type ExitCode, type FtctlErrorJson } from './errors/index.js';
export { evaluate, type EvaluateResult, type EvaluateOptions } from './inference/evaluate.js';
export { predict, type PredictOptions, type ImagePrediction } from './inference/predict.js';
export { launch, type LaunchOptions } from './launch/launch.js';
/** A run on disk. */
export { RunFolder } from './state/run-folder.js';
export type { RunSummary } from './state/run-summary.js';
