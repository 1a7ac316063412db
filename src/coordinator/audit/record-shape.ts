import { z } from 'zod';
import type { StoredRecord } from '../journal-records.js';

const count = z.number().int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const state = z.object({ round: count, hash });
const generation = z.object({
  id: z.object({ term: count, number: count }),
  members: z.array(
    z.object({
      ...{ incarnation: z.string().min(1), address: z.string() },
      ...{ rank: count, firstShard: count, numShards: count },
    }),
  ),
  numShards: z.number().int().positive(),
  twoHopFromElements: z.number(),
});
const entry = z.object({
  round: z.number().int().positive(),
  kind: z.enum(['step', 'evaluate', 'phase']),
  ...{ phase: count, epoch: count, step: count },
  split: z.enum(['train', 'val', 'test']),
  ...{ samples: count, loss: z.number(), accuracy: z.number() },
  ledger: hash,
});

const recordShape = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('run'),
    runId: z.string(),
    ...{ specHash: hash, manifestHash: hash, modelHash: hash, fingerprintHash: hash },
  }),
  z.object({ type: z.literal('term'), term: z.number().int().positive() }),
  z.object({ type: z.literal('generation'), generation, round: count, reason: z.string() }),
  z.object({ type: z.literal('rounds'), entries: z.array(entry).min(1) }),
  z.object({
    type: z.literal('checkpoint'),
    kind: z.enum(['checkpoint', 'best', 'final']),
    ...{ state, epoch: count, path: z.string().min(1) },
  }),
  z.object({
    type: z.literal('end'),
    status: z.enum(['finished', 'stopped', 'failed']),
    ...{ state: state.nullable(), code: z.string().nullable() },
  }),
]);

/**
 * What is wrong with a record's fields, as a sentence; undefined where they are such as a coordinator writes. A whole chain of hashes does
 * not say so: whoever changes a line can make the chain anew from there on.
 */
export function wrongShape(record: StoredRecord): string | undefined {
  const result = recordShape.safeParse(record);
  if (result.success) return undefined;
  const issue = result.error.issues[0]!;
  return `The record (${record.type}) has no \`${issue.path.join('.')}\` as a coordinator writes it.`;
}
