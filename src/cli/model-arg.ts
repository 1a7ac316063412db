import { Args } from '@oclif/core';

/** What {@link findModel} understands. */
export const modelArg = Args.string({
  description: "A run's id, enough of its start, the path of its folder, or of a model/ folder.",
  required: true,
});
