import { quoted } from '../util/shell-quote.js';

/** The flags of `ftctl launch`. */
export interface LaunchFlags {
  readonly config: string | undefined;
  readonly workers: number | undefined;
  readonly sets: readonly string[];
  readonly resume: string | undefined;
  readonly runsDir: string;
}

/** The command line that these flags came from, to be typed again; `program` starts ftctl. Pure. */
export function launchCommand(
  { config, workers, sets, resume, runsDir }: LaunchFlags,
  program = 'ftctl',
): string {
  return [
    `${program} launch`,
    ...(resume === undefined ? [] : [`--resume ${quoted(resume)}`]),
    ...(config === undefined ? [] : [`--config ${quoted(config)}`]),
    ...(workers === undefined ? [] : [`--workers ${workers}`]),
    ...sets.map((set) => `--set ${quoted(set)}`),
    ...(runsDir === 'runs' ? [] : [`--runs-dir ${quoted(runsDir)}`]),
  ].join(' ');
}
