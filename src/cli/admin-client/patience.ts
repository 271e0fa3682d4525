export interface Patience {
  readonly signal: AbortSignal
  /** Something was heard. */
  renew(): void
  end(): void
}

/** A signal that aborts with TimeoutError when nothing was heard for a time, or with `stopped`. */
export function createPatience(silenceMs: number, stopped: AbortSignal | undefined): Patience {
  const silence = new AbortController()
  const giveUp = () => silence.abort(new DOMException('No answer in time.', 'TimeoutError'))
  let timer = setTimeout(giveUp, silenceMs)
  return {
    signal: stopped ? AbortSignal.any([stopped, silence.signal]) : silence.signal,
    renew() {
      clearTimeout(timer)
      timer = setTimeout(giveUp, silenceMs)
    },
    end: () => clearTimeout(timer),
  }
}
