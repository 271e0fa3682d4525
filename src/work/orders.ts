import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'
import { HINTS_AFTER, type StoreHint } from '../store/store.ts'
import { type Answer, toFailure } from '../thread-calls.ts'
import type { Health } from './health.ts'
import type { ThreadStore } from './open-thread-store.ts'
import type { Fact, WorkNews, WorkOrder } from './work-messages.ts'

type Append = Extract<WorkOrder, { kind: 'append' }>
type Ask = Extract<WorkOrder, { kind: 'ask' }>

interface OrdersParts {
  readonly port: MessagePort
  readonly store: Pick<ThreadStore, 'append' | 'noteAppended' | 'upkeep'>
  readonly facts: Pick<ReturnType<typeof createFactSender>, 'take'>
  readonly health: Pick<Health, 'succeeded' | 'failed'>
  /** What the thread itself is asked, done at once; all else is the store's, and waits for its turn. */
  readonly own: Readonly<Record<string, (...given: never[]) => unknown>>
  /** There is something to look for. */
  readonly onHint: (hint: StoreHint) => void
}

/** What the thread that answers wants of this one, and what it hears of it. */
export class Orders {
  readonly #parts: OrdersParts
  readonly #appends: Append[] = []
  readonly #asks: Ask[] = []
  readonly #answers: Answer[] = []

  constructor(parts: OrdersParts) {
    this.#parts = parts
  }

  take(order: WorkOrder): void {
    if (order.kind === 'append') this.#appends.push(order)
    else if (order.kind === 'appended') {
      if (order.batch) this.#parts.store.noteAppended?.(order.batch)
      this.#parts.onHint('batches')
    } else if (order.operation in this.#parts.own) void this.#answer(order, this.#parts.own)
    else this.#asks.push(order)
  }

  /**
   * All that wait share one transaction and one sync; looks for what came while the thread was busy.
   * Answers whether there was anything.
   */
  keepWaiting(): boolean {
    const { port, store, facts, health, onHint } = this.#parts
    for (let item = receiveMessageOnPort(port); item; item = receiveMessageOnPort(port)) {
      this.take(item.message as WorkOrder)
    }
    if (this.#appends.length === 0) return false
    const group = this.#appends.splice(0)
    const ids = group.map(({ id }) => id)
    try {
      store.append?.(group.map(({ batch }) => batch))
      this.#post({ kept: ids, ...facts.take() })
      onHint('batches')
      health.succeeded()
    } catch (error) {
      health.failed(error)
      this.#post({ answers: ids.map((id) => ({ id, failure: toFailure(error) })) })
    }
    return true
  }

  /** One thing that somebody asked of the store, between two turns; answers whether there was any. */
  async serve(): Promise<boolean> {
    const order = this.#asks.shift()
    if (!order) return false
    const { store, onHint } = this.#parts
    await this.#answer(order, store.upkeep as OrdersParts['own'])
    const hint = HINTS_AFTER[order.operation]
    // Who erases says himself when it is at its end.
    if (hint && hint !== 'erased') onHint(hint)
    return true
  }

  async #answer({ id, operation, args }: Ask, operations: OrdersParts['own']): Promise<void> {
    try {
      const run = operations[operation]
      if (!run) throw new ReceiverError('store_refused', { detail: operation })
      this.#answers.push({ id, value: await run(...(args as never[])) })
    } catch (error) {
      this.#answers.push({ id, failure: toFailure(error) })
    }
    this.flush()
  }

  /** Tells what has happened and what is answered, in one message. */
  flush(): void {
    const told = this.#parts.facts.take()
    const answers = this.#answers.splice(0)
    if (told.facts === undefined && answers.length === 0) return
    this.#post({ ...told, ...(answers.length > 0 && { answers }) })
  }

  #post(news: WorkNews): void {
    this.#parts.port.postMessage(news)
  }
}

/** Facts of this thread, for the observer in the other one. */
interface FactSender {
  readonly observer: Observer
  /** What happened since the last time, as a field of news. */
  take(): Pick<WorkNews, 'facts'>
}

/** What nobody sends by itself goes after so long. */
const LINGER_MS = 20
/** A handler that floods its log must not fill the memory in between. */
const MOST_WAITING = 200

export function createFactSender(post: (news: WorkNews) => void): FactSender {
  let facts: Fact[] = []
  let timer: NodeJS.Timeout | undefined

  function take(): Pick<WorkNews, 'facts'> {
    clearTimeout(timer)
    timer = undefined
    if (facts.length === 0) return {}
    const taken = facts
    facts = []
    return { facts: taken }
  }

  function add(fact: Fact): void {
    facts.push(fact)
    if (facts.length >= MOST_WAITING) post(take())
    else timer ??= setTimeout(() => post(take()), LINGER_MS)
  }

  const tellers = new Map<string, (fact: never) => void>()
  const observer = new Proxy({} as Observer, {
    get(_, name: keyof Observer & string) {
      const teller = tellers.get(name) ?? ((fact: never) => add([name, fact] as unknown as Fact))
      tellers.set(name, teller)
      return teller
    },
  })
  return { observer, take }
}
