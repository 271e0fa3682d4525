import type { Observer } from '../../src/observe/observer.ts'

type Facts = {
  readonly [Name in Exclude<keyof Observer, 'counts' | 'recent'>]: Parameters<Observer[Name]>[0][]
}

/** An observer that keeps what it is told. */
export interface RecordingObserver extends Observer {
  readonly facts: Facts
}

export function createRecordingObserver(): RecordingObserver {
  const kept = new Map<string | symbol, unknown[]>()
  const factsOf = (name: string | symbol) => {
    const known = kept.get(name) ?? []
    kept.set(name, known)
    return known
  }
  const facts = new Proxy({}, { get: (_, name) => factsOf(name) })
  const own = { facts, counts: refuse, recent: refuse }
  const get = (known: object, name: string | symbol) =>
    name in known ? Reflect.get(known, name) : (fact: unknown) => factsOf(name).push(fact)
  return new Proxy(own, { get }) as unknown as RecordingObserver
}

function refuse(): never {
  throw new Error('Nobody asks this observer.')
}
