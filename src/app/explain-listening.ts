import { SettingsError } from '../config.ts'

const GIVE_ADDRESS = 'Give an address of this machine, such as 0.0.0.0 for all.'
const GIVE_OTHER = 'Give another of this machine, such as 0.0.0.0 for all.'
const GIVE_OWN = 'Give one that it has, such as 0.0.0.0 for all.'

/** By the system's code: which setting is wrong, in what, and how to mend it. */
const PROBLEMS: Readonly<Record<string, readonly ['host' | 'port', string, string]>> = {
  ENOTFOUND: ['host', 'a name of no machine', GIVE_ADDRESS],
  EAI_AGAIN: ['host', 'a name that no name server could be asked for', GIVE_ADDRESS],
  EADDRNOTAVAIL: ['host', 'no address of this machine', GIVE_OWN],
  EINVAL: ['host', 'no address that can be listened on', GIVE_OTHER],
  EAFNOSUPPORT: ['host', 'an address of a kind that this machine does not have', GIVE_OWN],
  EACCES: ['port', 'a port on which this user may not listen', 'Give one above 1023.'],
}

/**
 * The error of a listener that could not begin, as a SettingsError where only another setting mends
 * it. A port that somebody has may be free at the next start.
 */
export function explainListening(
  error: unknown,
  listener: {
    readonly host: string
    readonly port: number
    readonly names: Record<'host' | 'port', string>
  },
): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  const [kind, what, remedy] = PROBLEMS[code] ?? []
  if (kind === undefined) return error
  const problem = `is ${listener[kind]}, ${what} (${code})`
  return new SettingsError([{ setting: listener.names[kind], problem, remedy: String(remedy) }])
}
