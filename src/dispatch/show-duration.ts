/** A duration for people: `200 ms`, `10 s`. */
export function showDuration(durationMs: number): string {
  return durationMs < 1_000 ? `${durationMs} ms` : `${durationMs / 1_000} s`
}
