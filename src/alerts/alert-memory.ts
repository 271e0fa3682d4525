import type { Store } from '../store/store.ts'
import type { Growing, StoredFigures } from './cause.ts'
import type { KnownSources } from './silences.ts'
import { type KnownCauses, mergeKnown } from './telling.ts'

/** What outlives a restart, and is shared by replicas. */
export interface AlertMemory {
  readonly causes: KnownCauses
  readonly sources: KnownSources
  /** How much there was, and when it grew last; milliseconds since 1970. */
  readonly grown: Readonly<Partial<Record<Growing, { readonly n: number; readonly at: number }>>>
}

export const NO_MEMORY: AlertMemory = { causes: {}, sources: {}, grown: {} }

const NAME = 'alerts'

/** Adds by how much the counts have grown. What went down is no news. Pure. */
export function noteGrowth(
  grown: AlertMemory['grown'],
  store: Pick<StoredFigures, Growing> | undefined,
  at: number,
): AlertMemory['grown'] {
  if (!store) return grown
  const note = (name: Growing) => {
    const n = store[name]
    const before = grown[name] ?? { n: 0, at }
    return { n, at: n > before.n ? at : before.at }
  }
  return { quarantined: note('quarantined'), conflicts: note('conflicts') }
}

export type MemoryKeeper = ReturnType<typeof createMemoryKeeper>

/** Keeps the memory in the store; while that cannot be asked, in this process alone. */
export function createMemoryKeeper(notes: Pick<Store, 'readNote' | 'writeNote'>) {
  let own = NO_MEMORY
  let version = 0
  let written = ''
  let isBehind = false

  /** What was written last; what this process knows alone while the store cannot be asked. */
  async function read(): Promise<AlertMemory> {
    const note = await notes.readNote(NAME).catch(() => undefined)
    if (!note) return own
    version = note.version
    written = note.body
    const memory = parse(note.body)
    own = isBehind ? { ...memory, causes: mergeKnown(memory.causes, own.causes) } : memory
    return own
  }

  /**
   * Writes what became of what was read. False when another replica has written meanwhile: then
   * nothing is. True also while the store cannot be asked; what was not written is when it can.
   */
  async function write(memory: AlertMemory): Promise<boolean> {
    const body = JSON.stringify(memory)
    if (body === written) {
      own = memory
      return true
    }
    try {
      if (!(await notes.writeNote(NAME, { version, body }))) return false
      version++
      written = body
      isBehind = false
    } catch {
      isBehind = true
    }
    own = memory
    return true
  }

  return {
    read,
    write,
    /** Writes a change for sure, be it on what another has written meanwhile. */
    async change(change: (memory: AlertMemory) => AlertMemory): Promise<void> {
      if (await write(change(own))) return
      const changed = change(await read())
      isBehind = !(await write(changed))
      own = changed
    },
  }
}

/** One that an older version wrote, or a person changed, is begun anew. */
function parse(body: string): AlertMemory {
  try {
    const { causes, sources, grown } = JSON.parse(body) as Partial<AlertMemory>
    return { causes: causes ?? {}, sources: sources ?? {}, grown: grown ?? {} }
  } catch {
    return NO_MEMORY
  }
}
