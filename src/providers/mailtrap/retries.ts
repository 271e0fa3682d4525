/** A batch that was not answered 200 is sent again so often, so far apart; then its webhook is paused. */
export const MAILTRAP_RETRIES = { count: 40, everyMs: 300_000 } as const
