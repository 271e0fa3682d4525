/** How long each part of a stop may take, in milliseconds. */
export interface StopPlan {
  /** Keep serving while load balancers learn that we go; every answer ends its connection. */
  readonly drainMs: number
  /** Then requests in flight may end. */
  readonly requestsMs: number
  /** Then handlers may finish undisturbed, */
  readonly handlersSoftMs: number
  /** and from the same moment on: they are killed, and their jobs go on after the next start. */
  readonly handlersHardMs: number
  /** What waits in the spool may follow; the rest stays for the next start. */
  readonly spoolMs: number
  /** Spans that were not sent yet may go. */
  readonly tracesMs: number
}

/** `docker stop` kills after 10 s; this ends before 9. */
export const GRACEFUL: StopPlan = {
  drainMs: 3_000,
  requestsMs: 2_000,
  handlersSoftMs: 1_500,
  handlersHardMs: 2_500,
  spoolMs: 1_000,
  tracesMs: 300,
}
export const AT_ONCE: StopPlan = {
  drainMs: 0,
  requestsMs: 0,
  handlersSoftMs: 0,
  handlersHardMs: 0,
  spoolMs: 0,
  tracesMs: 0,
}
