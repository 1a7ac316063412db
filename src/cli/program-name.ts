type Environment = Readonly<Record<string, string | undefined>>;

/** How ftctl is started from where this process was: npm says so in the environment of what `npx` starts. Pure. */
export function programName(env: Environment): string {
  const isByNpx = env['npm_command'] === 'exec' || env['npm_lifecycle_event'] === 'npx';
  return isByNpx ? 'npx ftctl' : 'ftctl';
}

/** Advice with its commands (in back quotes) as they can be typed: errors and records say `ftctl` everywhere. Pure. */
export function asTyped(text: string, program: string): string {
  return text.replaceAll(/`ftctl(?=[ `])/g, `\`${program}`);
}
