import { describe, expect, it } from 'vitest';
import { asTyped, programName } from '../../../src/cli/program-name.js';

describe('the name to start ftctl by', () => {
  it('is the one that this process was started by', () => {
    expect(programName({})).toBe('ftctl');
    expect(programName({ npm_command: 'run-script', npm_lifecycle_event: 'x' })).toBe('ftctl');
    // Set by npx of npm 7 and later, and of npm 6.
    expect(programName({ npm_command: 'exec', npm_lifecycle_event: 'npx' })).toBe('npx ftctl');
    expect(programName({ npm_lifecycle_event: 'npx' })).toBe('npx ftctl');
  });

  it('is put in the commands of an advice, and nowhere else', () => {
    const advice = 'Use `ftctl launch --resume RUN`, see `ftctl`; ftctl reads `ftctl/v1`.';
    expect(asTyped(advice, 'npx ftctl')).toBe(
      'Use `npx ftctl launch --resume RUN`, see `npx ftctl`; ftctl reads `ftctl/v1`.',
    );
    expect(asTyped(advice, 'ftctl')).toBe(advice);
  });
});
