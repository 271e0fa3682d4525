import { SettingsError } from '../config.ts'

/** By the system's code: which setting is wrong, in what, and how to mend it. */
const PROBLEMS: Readonly<Record<string, readonly ['host' | 'port', string, string]>> = {
  ENOTFOUND: [
    'host',
    'a name of no machine',
    'Give an address of this machine, such as 0.0.0.0 for all.',
  ],
  EAI_AGAIN: [
    'host',
    'a name that no name server could be asked for',
    'Give an address of this machine, such as 0.0.0.0 for all.',
  ],
  EADDRNOTAVAIL: [
    'host',
    'no address of this machine',
    'Give one that it has, such as 0.0.0.0 for all.',
  ],
  EINVAL: [
    'host',
    'no address that can be listened on',
    'Give another of this machine, such as 0.0.0.0 for all.',
  ],
  EAFNOSUPPORT: [
    'host',
    'an address of a kind that this machine does not have',
    'Give one that it has, such as 0.0.0.0 for all.',
  ],
  EACCES: ['port', 'a port on which this user may not listen', 'Give one above 1023.'],
}

/**
 * The error of a listener that could not begin, as a SettingsError where only another setting mends
 * it. A port that somebody has may be free at the next start.
 */
export function explainListening(
  error: unknown,
  listener: { readonly host: string; readonly port: number; readonly names: ListenerSettings },
): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  const [kind, what, remedy] = PROBLEMS[code] ?? []
  if (kind === undefined) return error
  const problem = `is ${listener[kind]}, ${what} (${code})`
  return new SettingsError([{ setting: listener.names[kind], problem, remedy: String(remedy) }])
}

export interface ListenerSettings {
  readonly host: string
  readonly port: string
}
