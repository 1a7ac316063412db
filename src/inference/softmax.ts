/** Class probabilities of a row of logits, in double precision. */
export function softmax(logits_K: Float32Array): Float64Array {
  const logSum = logSumExp(logits_K);
  return Float64Array.from(logits_K, (logit) => Math.exp(logit - logSum));
}

/** Cross-entropy of a row: -log of the label's probability. */
export function crossEntropy(logits_K: Float32Array, label: number): number {
  return logSumExp(logits_K) - logits_K[label]!;
}

/** The largest logit's place, the first one among equals: as training counts. */
export function argmax(logits_K: Float32Array): number {
  let best = 0;
  for (let k = 1; k < logits_K.length; k += 1) if (logits_K[k]! > logits_K[best]!) best = k;
  return best;
}

/** Shifted by the largest logit, so that no exponential overflows. */
function logSumExp(logits_K: Float32Array): number {
  const largest = logits_K[argmax(logits_K)]!;
  let sum = 0;
  for (const logit of logits_K) sum += Math.exp(logit - largest);
  return largest + Math.log(sum);
}
