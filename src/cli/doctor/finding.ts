/** What one check found. */
export interface Finding {
  /** Which check: `certificate`. */
  readonly check: string
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What was found, or why nothing was looked for. */
  readonly detail: string
  /** What to do; only where something is wrong. */
  readonly remedy?: string
}

export interface Findings {
  ok(detail: string): Finding
  skipped(detail: string): Finding
  warning(detail: string, remedy: string): Finding
  failed(detail: string, remedy: string): Finding
}

/** Makes the findings of one check. */
export function findingsOf(check: string): Findings {
  return {
    ok: (detail) => ({ check, status: 'ok', detail }),
    skipped: (detail) => ({ check, status: 'skipped', detail }),
    warning: (detail, remedy) => ({ check, status: 'warning', detail, remedy }),
    failed: (detail, remedy) => ({ check, status: 'failed', detail, remedy }),
  }
}
