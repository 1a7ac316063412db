import { Help } from '@oclif/core';
import { exitCodes } from './exit-codes.js';
import { programName } from './program-name.js';

/** oclif's help, with commands as this one was started, and the exit codes below the list of commands. */
export default class FtctlHelp extends Help {
  override async showHelp(argv: string[]): Promise<void> {
    Object.assign(this.config, { bin: programName(process.env) });
    await super.showHelp(argv);
  }

  protected override async showRootHelp(): Promise<void> {
    await super.showRootHelp();
    const table = this.renderList(
      exitCodes.map(({ code, meaning }) => [String(code), meaning]),
      { indentation: 2, spacer: '\n', stripAnsi: this.opts.stripAnsi ?? false },
    );
    this.log(this.section('EXIT CODES', table));
    this.log('');
  }
}
