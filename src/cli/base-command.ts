import { Args, Command, Flags } from '@oclif/core';

/** What all commands share: `--json`, and errors that `main` prints. */
export abstract class BaseCommand extends Command {
  /** The value that `run` returns is printed under `--json`, and nothing else on stdout. */
  static override enableJsonFlag = true;

  protected override catch(error: Error): Promise<never> {
    return Promise.reject(error);
  }
}

/** The folder of all runs, for commands that name a run. */
export const runsDirFlag = Flags.string({
  description: 'Folder that holds the run folders.',
  default: 'runs',
  helpValue: 'DIR',
});

/** `--config` and `--set`, for commands that read a configuration. */
export const setFlag = Flags.string({
  description: 'Override a configuration value; may be given several times.',
  multiple: true,
  multipleNonGreedy: true,
  helpValue: 'PATH=VALUE',
});

/** A run: its id, the start of one, or the path of its folder. */
export const runArg = Args.string({
  description: "A run's id, enough of its start, or the path of its folder.",
  required: true,
});

export const configArg = Args.string({
  description: 'A configuration file; without it the packaged quick start.',
});

/** The configuration that a command about data reads. */
export const configFlag = Flags.string({
  char: 'c',
  description: 'Configuration of the run; without it the packaged quick start.',
  helpValue: 'FILE',
});
