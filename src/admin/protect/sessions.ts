import { createHash, randomBytes } from 'node:crypto'

/** Without a person who does something: the page's own refreshing does not count. */
const IDLE_MS = 2 * 3_600_000
const ABSOLUTE_MS = 12 * 3_600_000
/** Who knows the password could else fill the memory with sessions. */
const MOST_SESSIONS = 1_000

export const SESSION_SECONDS = ABSOLUTE_MS / 1_000

interface Session {
  readonly beganAt: number
  usedAt: number
}

/** Sessions of the page, in memory: a restart ends them. Ids are kept as hashes only. */
export function createSessions(now: () => number) {
  const sessions = new Map<string, Session>()

  function find(id: string): Session | undefined {
    const session = sessions.get(hash(id))
    if (!session) return undefined
    const isOver = now() >= session.beganAt + ABSOLUTE_MS || now() >= session.usedAt + IDLE_MS
    if (isOver) sessions.delete(hash(id))
    return isOver ? undefined : session
  }

  return {
    /** Answers the id of a new session. */
    begin(): string {
      const id = randomBytes(32).toString('base64url')
      const [oldest] = sessions.keys()
      if (sessions.size >= MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest)
      sessions.set(hash(id), { beganAt: now(), usedAt: now() })
      return id
    },
    /** Whether the session goes on; `isByHand` puts off its end. */
    has(id: string, isByHand: boolean): boolean {
      const session = find(id)
      if (session && isByHand) session.usedAt = now()
      return session !== undefined
    },
    end: (id: string): void => void sessions.delete(hash(id)),
  }
}

/** A look-up by hash tells nothing of the ids by how long it takes. */
function hash(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}
