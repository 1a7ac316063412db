import { describe, expect, it } from 'vitest';
import { exitCause } from '../../../src/launch/exit-cause.js';

const code = (value: number) => ({ code: value, signal: null });
const signal = (name: string) => ({ code: null, signal: name });

describe('the cause of an exit', () => {
  it('is the error in what Node prints of an uncaught one', () => {
    const tail = [
      '{"level":"info","message":"Reading the model."}',
      'file:///app/dist/x.js:12',
      '    throw new Error("no");',
      '          ^',
      '',
      'TypeError: features_BF is not iterable',
      '    at main (file:///app/dist/x.js:12:11)',
      '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
      '',
      'Node.js v20.20.2',
    ];
    expect(exitCause(code(1), tail)).toBe(
      'ended with exit code 1: TypeError: features_BF is not iterable',
    );
  });

  it('is the last error of our own log, not its other lines', () => {
    const tail = [
      '{"level":"error","message":"The cache is damaged."}',
      '{"level":"info","message":"Closing."}',
    ];
    expect(exitCause(code(3), tail)).toBe('ended with exit code 3: The cache is damaged.');
    expect(exitCause(code(3), tail.slice(1))).toBe('ended with exit code 3');
  });

  it('is short even if the last words are long', () => {
    expect(exitCause(code(3), ['x'.repeat(1000)])).toBe(
      `ended with exit code 3: ${'x'.repeat(200)}...`,
    );
  });

  it('is the signal for a killed process, whatever it had said', () => {
    expect(exitCause(signal('SIGKILL'), ['TypeError: old'])).toBe(
      'was killed by SIGKILL (by hand, or by the system because memory ran out)',
    );
    expect(exitCause(signal('SIGTERM'), ['TypeError: old'])).toBe('was ended by SIGTERM');
  });

  it('is native code for its signals, with what it printed', () => {
    const tail = ["terminate called after throwing an instance of 'std::bad_alloc'", 'what():  x'];
    expect(exitCause(signal('SIGABRT'), tail)).toBe(
      'crashed in native code with SIGABRT: what():  x',
    );
  });

  it('is the heap where V8 says so', () => {
    const tail = [
      '<--- Last few GCs --->',
      'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
      '----- Native stack trace -----',
    ];
    expect(exitCause(signal('SIGABRT'), tail)).toBe('ran out of JavaScript heap memory');
  });
});
