import type { Observer } from '../observe/observer.ts'
import type { Fact, WorkNews } from './work-messages.ts'

/** Facts of this thread, for the observer in the other one. */
export interface FactSender {
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
