import type { StateFetcher } from '../rpc/control-link.js';
import type { SnapshotKind, StateRef } from '../rpc/control-messages.js';
import type { CheckpointStore } from '../state/checkpoint-store.js';
import { openSnapshot } from '../state/snapshot.js';
import { FtctlError } from '../errors/index.js';
import type { StateHolder, States } from './conductor.js';

/** Puts states on disk: fetched from the worker that holds one, checked, and written as a checkpoint. */
export class StoredStates implements States {
  readonly #fetcher: StateFetcher;
  readonly #store: CheckpointStore;
  readonly #writeLedger: () => Promise<void>;

  /** `writeLedger` is waited for before a file is written: what a run may go on from has its rounds in the journal. */
  constructor(fetcher: StateFetcher, store: CheckpointStore, writeLedger: () => Promise<void>) {
    this.#fetcher = fetcher;
    this.#store = store;
    this.#writeLedger = writeLedger;
  }

  async store(
    kind: SnapshotKind,
    state: StateRef,
    epoch: number,
    holder: StateHolder,
    signal: AbortSignal,
  ): Promise<string> {
    const bytes = await this.#fetcher.fetch(holder.address, state, signal);
    const snapshot = await openSnapshot(bytes);
    if (snapshot.round !== state.round || snapshot.hash !== state.hash) {
      throw new FtctlError('FT_CHECKPOINT_DAMAGED', {
        what: `The state that a worker sent as ${state.round} ${state.hash} is ${snapshot.round} ${snapshot.hash}.`,
      });
    }
    await this.#writeLedger();
    signal.throwIfAborted();
    return this.#store.write(kind, snapshot, epoch);
  }
}
