import type { BuiltInOptions } from '../../handlers/built-in/built-in-options.ts'
import { BUILT_IN_KINDS, type BuiltIn, type BuiltInKind } from '../../model.ts'
import { WrongValue } from '../wrong-value.ts'
import { FORWARD_KEYS, readForwardEntry } from './forward-entry.ts'
import type { OpenEntry } from './open-entry.ts'
import { readPublishEntry } from './publish-entry.ts'
import { readTableEntry } from './table-entry.ts'

/** How a kind of built-in handler is set in the file. What its keys hold stands in `file-schema.ts`. */
interface KindInFile<Options> {
  /** Besides the key that makes an entry one of this kind. */
  readonly keys: readonly string[]
  /** Undefined, with problems, when something is wrong. */
  readonly read: (entry: OpenEntry) => Options | undefined
}

const IN_FILE: { readonly [Kind in BuiltInKind]: KindInFile<BuiltInOptions[Kind]> } = {
  forward: { keys: FORWARD_KEYS, read: readForwardEntry },
  table: { keys: [], read: readTableEntry },
  publish: { keys: [], read: readPublishEntry },
}

const COMMON_KEYS = ['where', 'rate', 'concurrency', 'timeout', 'retry', 'memory']
const BUILT_IN_KEYS = ['name', 'events']

/** The built-in handler of an entry; undefined for a module, and for one that is wrong. */
export function readBuiltIn(entry: OpenEntry): BuiltIn | undefined {
  const kind = BUILT_IN_KINDS.find((one) => entry.given[one] !== undefined)
  refuseStrangeKeys(entry, kind)
  const options = kind && IN_FILE[kind].read(entry)
  const { name = kind, events = ['*'] } = entry.given
  return kind && name && options ? { kind, name, events, options } : undefined
}

function refuseStrangeKeys({ given, attempt }: OpenEntry, kind: BuiltInKind | undefined): void {
  const own = kind ? [kind, ...BUILT_IN_KEYS, ...IN_FILE[kind].keys] : ['module']
  const known = [...COMMON_KEYS, ...own]
  const remedy = (key: string) =>
    !kind && BUILT_IN_KEYS.includes(key)
      ? 'Say it in the module, with defineHandler.'
      : 'Remove it.'
  for (const key of Object.keys(given).filter((one) => !known.includes(one))) {
    attempt(key, () => {
      throw new WrongValue(`means nothing for ${kind ?? 'a module'}`, remedy(key))
    })
  }
}
