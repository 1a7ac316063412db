import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { exitWithParent, isChildMessage } from '../../../src/util/child-channel.js';

/** A process as far as the channel sees it. */
class FakeProcess extends EventEmitter {
  connected = true;
  readonly sent: unknown[] = [];
  readonly exits: number[] = [];
  channel = { ref: () => undefined, unref: () => undefined };
  send: NodeJS.Process['send'] | undefined = ((message: unknown, ...rest: unknown[]) => {
    this.sent.push(message);
    (rest.at(-1) as () => void)();
    return true;
  }) as NodeJS.Process['send'];
  exit = ((code: number) => {
    this.exits.push(code);
  }) as NodeJS.Process['exit'];
}

function supervised(change: (self: FakeProcess) => void = () => undefined) {
  const self = new FakeProcess();
  change(self);
  const controller = new AbortController();
  const parent = exitWithParent(controller, self as unknown as NodeJS.Process);
  return { self, parent, signal: controller.signal };
}

describe('a launched process', () => {
  it('leaves SIGINT to its launcher and follows SIGTERM', () => {
    const { self, signal, parent } = supervised();
    expect(parent.isSupervised).toBe(true);
    self.emit('SIGINT');
    expect(signal.aborted).toBe(false);
    self.emit('SIGTERM');
    expect(signal.reason).toEqual(new Error('SIGTERM'));
  });

  it('ends when its launcher is gone, also if that was before it looked', () => {
    const late = supervised();
    late.self.emit('disconnect');
    expect(late.signal.reason).toEqual(new Error('the launcher is gone'));
    const early = supervised((self) => {
      self.connected = false;
    });
    expect(early.signal.aborted).toBe(true);
  });

  it('answers the heartbeat and nothing else', () => {
    const { self } = supervised();
    for (const message of [{ type: 'ping' }, { type: 'other' }, null, 'ping']) {
      self.emit('message', message);
    }
    expect(self.sent).toEqual([{ type: 'pong' }]);
  });

  it('tells its address, and why it fails', async () => {
    const { self, parent } = supervised();
    parent.listening('127.0.0.1:4000');
    const error = { code: 'FT_DISK_FULL', message: 'Full.', remedy: 'Free some.' } as const;
    await parent.failed(error);
    expect(self.sent).toEqual([
      { type: 'listening', address: '127.0.0.1:4000' },
      { type: 'failed', error },
    ]);
  });

  it('does not hang on a launcher that is gone', async () => {
    const { self, parent } = supervised();
    self.connected = false;
    await parent.failed({ code: 'FT_DISK_FULL', message: '', remedy: '' });
    expect(self.sent).toEqual([]);
  });
});

describe('a process that was started by hand', () => {
  it('follows SIGINT and has nobody to tell', async () => {
    const { self, parent, signal } = supervised((me) => {
      me.send = undefined;
      me.connected = false;
    });
    expect(parent.isSupervised).toBe(false);
    await parent.failed({ code: 'FT_DISK_FULL', message: '', remedy: '' });
    expect(signal.aborted).toBe(false);
    self.emit('SIGINT');
    expect(signal.reason).toEqual(new Error('SIGINT'));
  });
});

describe('a message of a child', () => {
  it('is one of the three, whole', () => {
    const good = [
      { type: 'pong' },
      { type: 'listening', address: 'a:1' },
      { type: 'failed', error: {} },
    ];
    expect(good.every(isChildMessage)).toBe(true);
    const bad = [
      null,
      1,
      {},
      { type: 'x' },
      { type: 'listening' },
      { type: 'failed', error: null },
    ];
    expect(bad.some(isChildMessage)).toBe(false);
  });
});
