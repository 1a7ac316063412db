import { distance } from 'fastest-levenshtein';

/** Names in order of likeness (edit distance, case ignored), at most `count`. */
export function nearestNames(name: string, candidates: readonly string[], count: number): string[] {
  const scored = candidates.map((candidate) => ({
    candidate,
    score: distance(name.toLowerCase(), candidate.toLowerCase()),
  }));
  return scored
    .sort((a, b) => a.score - b.score || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
