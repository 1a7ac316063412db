import { describe, expect, it } from 'vitest';
import { Heartbeat } from '../../../src/launch/heartbeat.js';
import { Waits } from '../../../src/launch/waits.js';
import { ManualClock } from '../../support/launch/manual-clock.js';

function make(clock: ManualClock, onPing: (heartbeat: Heartbeat) => void = () => undefined) {
  const seen = { pings: 0, silentForMs: [] as number[] };
  const heartbeat: Heartbeat = new Heartbeat({
    clock,
    intervalMs: 5,
    limitMs: 60,
    ping: () => {
      seen.pings += 1;
      onPing(heartbeat);
    },
    onSilent: (ms) => seen.silentForMs.push(ms),
  });
  return { heartbeat, seen };
}

describe('the heartbeat of a process', () => {
  it('goes on while it is answered', () => {
    const clock = new ManualClock();
    const { seen } = make(clock, (heartbeat) => {
      heartbeat.answered();
    });
    clock.advance(1000);
    expect(seen).toEqual({ pings: 200, silentForMs: [] });
  });

  it('tells once of a process that has answered and does so no more', () => {
    const clock = new ManualClock();
    const { heartbeat, seen } = make(clock);
    clock.advance(50);
    heartbeat.answered();
    clock.advance(55);
    expect(seen.silentForMs).toEqual([]);
    clock.advance(500);
    expect(seen.silentForMs).toEqual([60]);
  });

  it('says nothing of a process that is still loading', () => {
    const clock = new ManualClock();
    const { seen } = make(clock);
    clock.advance(10_000);
    expect(seen.silentForMs).toEqual([]);
  });

  it('starts anew when the launcher itself has slept', () => {
    const clock = new ManualClock();
    const { heartbeat, seen } = make(clock);
    heartbeat.answered();
    clock.advance(40);
    clock.jump(500); // the laptop was closed: no timer ran
    clock.advance(5);
    expect(seen.silentForMs).toEqual([]);
    clock.advance(65);
    expect(seen.silentForMs).toEqual([60]);
  });

  it('is silent after its stop', () => {
    const clock = new ManualClock();
    const { heartbeat, seen } = make(clock);
    heartbeat.answered();
    heartbeat.stop();
    clock.advance(1000);
    expect(seen).toEqual({ pings: 0, silentForMs: [] });
  });
});

describe('named waits', () => {
  it('run out once, unless they are cancelled or replaced', () => {
    const clock = new ManualClock();
    const waits = new Waits(clock);
    const seen: string[] = [];
    waits.start('a', 10, () => seen.push('a'));
    waits.start('b', 10, () => seen.push('b'));
    waits.start('c', 10, () => seen.push('c, first'));
    waits.start('c', 20, () => seen.push('c'));
    waits.cancel('b');
    clock.advance(15);
    expect(seen).toEqual(['a']);
    clock.advance(100);
    expect(seen).toEqual(['a', 'c']);
  });

  it('get their whole time again by a restart of their prefix', () => {
    const clock = new ManualClock();
    const waits = new Waits(clock);
    const seen: string[] = [];
    for (const name of ['join 0', 'join 1', 'stop']) waits.start(name, 10, () => seen.push(name));
    clock.advance(8);
    waits.restart('join ');
    waits.restart('nothing');
    clock.advance(8);
    expect(seen).toEqual(['stop']);
    clock.advance(2);
    expect(seen).toEqual(['stop', 'join 0', 'join 1']);
  });

  it('all end together, and sleepers wake', async () => {
    const clock = new ManualClock();
    const waits = new Waits(clock);
    waits.start('a', 10, () => {
      throw new Error('not cancelled');
    });
    const sleeping = waits.sleep(1e9);
    waits.cancelAll();
    await sleeping;
    clock.advance(1000);
    expect(clock.numTimers).toBe(0);
  });
});
