import { type ErrorCode, ReceiverError } from './errors.ts'

/** A ReceiverError on its way to another thread. */
export interface Failure {
  readonly code: ErrorCode
  readonly detail: string
}

/** What became of a call, by its number. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }

export function toFailure(error: unknown): Failure {
  if (error instanceof ReceiverError) return { code: error.code, detail: error.detail ?? '' }
  return { code: 'store_busy', detail: error instanceof Error ? error.message : String(error) }
}

export function toError({ code, detail }: Failure): ReceiverError {
  return new ReceiverError(code, { detail })
}

interface Waiting {
  readonly id: number
  resolve(value: never): void
  reject(error: ReceiverError): void
}

/** Calls of another thread that are under way, by their numbers. */
export class ThreadCalls {
  /** Mostly answered in this order; no Map, see `holdings.ts`. */
  readonly #waiting: Waiting[] = []
  #lastId = 0
  #ended: ReceiverError | undefined

  /** Rejects at once after `end`. */
  begin<Value>(send: (id: number) => void): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      const id = ++this.#lastId
      this.#waiting.push({ id, resolve, reject })
      send(id)
    })
  }

  settle(answer: Answer): void {
    const index = this.#waiting.findIndex(({ id }) => id === answer.id)
    const [one] = index < 0 ? [] : this.#waiting.splice(index, 1)
    if ('failure' in answer) one?.reject(toError(answer.failure))
    else one?.resolve(answer.value as never)
  }

  /** Nothing will be answered any more. */
  end(error: ReceiverError): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended)
  }
}
