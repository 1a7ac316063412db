import { join } from 'node:path';
import { Config } from '@oclif/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { childOptions } from '../../src/cli/child.js';
import { ftctl, root } from './support.js';

let config: Config;
beforeAll(async () => {
  config = await Config.load(root);
});

type Flag = Config['commands'][number]['flags'][string];

/** One flag in a line: `--workers -w N`, with what it must be. */
function flagLine(name: string, flag: Flag): string {
  const isOption = flag.type === 'option';
  const { options, multiple, helpValue = 'VALUE' } = isOption ? flag : {};
  const fallback: unknown = flag.default;
  return [
    `--${name}`,
    ...(flag.char === undefined ? [] : [`-${flag.char}`]),
    ...(isOption ? [String(helpValue)] : []),
    ...(flag.required === true ? ['(required)'] : []),
    ...(multiple === true ? ['(repeatable)'] : []),
    ...(options === undefined ? [] : [`(${options.join(' | ')})`]),
    ...(fallback === undefined ? [] : [JSON.stringify([fallback])]),
  ].join(' ');
}

describe('the command line', () => {
  it('has these commands, arguments and flags', () => {
    const surface = config.commands
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((command) => ({
        command: `${command.id.replaceAll(':', ' ')}${command.hidden ? ' (hidden)' : ''}`,
        args: Object.values(command.args).map(
          ({ name, required, multiple }) =>
            `${name.toUpperCase()}${multiple === true ? '...' : ''}${required === true ? '' : '?'}`,
        ),
        flags: Object.entries(command.flags)
          .map(([name, flag]) => flagLine(name, flag))
          .sort(),
      }));
    expect(surface).toMatchSnapshot();
  });

  it('explains each command, and shows how to use it', () => {
    for (const command of config.commands) {
      expect(command.summary, command.id).toMatch(/\.$/);
      expect(command.examples?.length, command.id).toBeGreaterThan(0);
      for (const [name, flag] of Object.entries(command.flags)) {
        expect(flag.description ?? flag.summary, `${command.id} --${name}`).toMatch(/\.$/);
      }
    }
  });

  it('takes the same flags on the short way to a child process as its command does', () => {
    for (const [id, names] of Object.entries(childOptions)) {
      const flags = Object.keys(config.findCommand(id, { must: true }).flags);
      expect(flags.filter((name) => name !== 'json').sort()).toEqual([...names].sort());
    }
  });

  it('shows commands and exit codes', async () => {
    const { stdout, stderr, code } = await ftctl(['--help']);
    expect({ stdout: stdout.replace(/ftctl\/\S+ \S+ \S+/, 'ftctl/VERSION'), stderr, code }).toEqual(
      {
        stdout: expect.any(String) as string,
        stderr: '',
        code: 0,
      },
    );
    expect(stdout.replace(/ftctl\/\S+ \S+ \S+/, 'ftctl/VERSION')).toMatchSnapshot();
  });

  it('shows how to launch', async () => {
    const { stdout, code } = await ftctl(['launch', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatchSnapshot();
  });

  it('finds nothing wrong with the packaged configurations, paths of weights beside the file included', async () => {
    const configs = [
      ...['flowers102-resnet18.yaml', 'quickstart.yaml', 'smoke.yaml', 'two-phase.yaml'],
    ];
    for (const name of configs) {
      const path = join(root, 'configs', name);
      const { stderr, code } = await ftctl(['config', 'validate', path]);
      expect({ name, stderr, code }).toEqual({ name, stderr: '', code: 0 });
    }
  });
});
