import type { SnapshotKind, StateRef } from '../rpc/control-messages.js';
import type { Snapshot } from '../train/trainer.js';

/** Copies of states that the coordinator does not have on disk yet. */
export class HeldStates {
  readonly #held = new Map<string, { bytes: Uint8Array; kinds: Set<SnapshotKind> }>();

  /** Keeps one copy, whatever it is needed for. */
  keep(snapshot: Snapshot, kinds: readonly SnapshotKind[]): void {
    const known = this.#held.get(keyOf(snapshot));
    const all = new Set([...(known?.kinds ?? []), ...kinds]);
    this.#held.set(keyOf(snapshot), { bytes: snapshot.bytes, kinds: all });
  }

  get(state: StateRef): Uint8Array | undefined {
    return this.#held.get(keyOf(state))?.bytes;
  }

  /** The state is on disk as `kind`; the copy goes once it is needed for nothing else. */
  drop(state: StateRef, kind: SnapshotKind): void {
    const held = this.#held.get(keyOf(state));
    held?.kinds.delete(kind);
    if (held?.kinds.size === 0) this.#held.delete(keyOf(state));
  }
}

function keyOf({ round, hash }: StateRef): string {
  return `${round} ${hash}`;
}
