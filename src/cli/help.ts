import { Help } from '@oclif/core';
import { exitCodes } from './exit-codes.js';

/** oclif's help, with the exit codes below the list of commands. */
export default class FtctlHelp extends Help {
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
