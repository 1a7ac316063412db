import { Errors, Flags } from '@oclif/core';

/** Numbers of workers, as `1,2,3`: at least two of them, each once. */
export const workersListFlag = Flags.custom<readonly number[]>({
  char: 'w',
  description: 'Numbers of worker processes, at least two.',
  helpValue: 'N,N,..',
  required: true,
  parse: (text) => Promise.resolve(workersList(text)),
});

function workersList(text: string): readonly number[] {
  const words = text.split(',').map((word) => word.trim());
  if (!words.every((word) => /^[1-9]\d{0,5}$/.test(word))) {
    throw refused('whole numbers from 1 on, as 1,2,3,', text);
  }
  const numbers = words.map(Number);
  const twice = numbers.find((number, index) => numbers.indexOf(number) < index);
  if (twice !== undefined) throw refused(`each number once (${twice} is there twice)`, text);
  if (numbers.length < 2) throw refused('at least two numbers, as 1,2,3,', text);
  return numbers;
}

/** In the words of oclif's own flags; it puts the flag's name before them. */
function refused(what: string, text: string): Errors.CLIError {
  return new Errors.CLIError(`Expected ${what} but received: ${text === '' ? 'nothing' : text}`);
}
