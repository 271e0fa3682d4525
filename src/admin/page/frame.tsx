import { useEffect, useRef, useState } from 'preact/hooks'
import type { SessionJson } from '../api/session.ts'
import type { CauseJson } from '../api/stats-schema.ts'
import { NoAnswer, post } from './api.ts'
import { Button, Time } from './elements.tsx'
import { chooseZone, clockTime, isUtc, zoneText } from './format.ts'
import type { ConnectionState } from './look.ts'
import { writeRoute } from './route.ts'

/** What stands around the views. */

const VIEWS = ['overview', 'events', 'handlers', 'quarantine'] as const

export function Top(props: {
  view: string
  session: SessionJson | undefined
  told: { readonly state: ConnectionState; readonly text: string }
  causes: readonly CauseJson[]
  onSignOut: () => unknown
}) {
  const { view, session, told, causes, onSignOut } = props
  return (
    <header class="top">
      <a class="brand" href="#/">
        <img src="icon.svg" alt="" width="28" height="28" />
        <span>
          mailtrap-receiver <small>{session?.version}</small>
        </span>
      </a>
      {session && (
        <nav aria-label="Views">
          {VIEWS.map((name) => (
            <a
              key={name}
              href={name === 'overview' ? '#/' : `#/${name}`}
              aria-current={name === view ? 'page' : undefined}
            >
              {`${name[0]?.toUpperCase()}${name.slice(1)}`}
            </a>
          ))}
        </nav>
      )}
      <p
        class="connection"
        data-state={told.state === 'live' ? colourOf(causes) : told.state}
        role="status"
      >
        {SHORT[told.state] ?? told.text}
      </p>
      {session?.session === 'cookie' && (
        <button type="button" onClick={onSignOut}>
          Sign out
        </button>
      )}
    </header>
  )
}

/** What the verdict tells at length. */
const SHORT: Partial<Record<ConnectionState, string>> = {
  away: 'Store away',
  unreachable: 'No answer',
}

/** Batches may be lost, or are refused. The others only wait for somebody. */
const URGENT: readonly string[] = ['not_ready', 'store', 'spool', 'webhook_paused']

const isUrgent = ({ cause }: CauseJson) => URGENT.includes(cause.split(':', 1)[0] ?? '')

/** The state that colours what tells of all causes together. */
function colourOf(causes: readonly CauseJson[]): 'live' | 'late' | 'dead' {
  if (causes.length === 0) return 'live'
  return causes.some(isUrgent) ? 'dead' : 'late'
}

/** How many causes are shown at once; the rest is folded away. */
const MOST_CAUSES = 3

/** What a person is needed for, above every view. `gone`: that nobody answers, in words. */
export function Verdict(props: { causes: readonly CauseJson[]; gone: string | undefined }) {
  const { causes, gone } = props
  if (causes.length === 0 && gone === undefined) return null
  const more = causes.slice(MOST_CAUSES)
  return (
    <section class="verdict" aria-label="What somebody is needed for">
      {gone !== undefined && (
        <p data-state="dead">
          <strong>{gone}</strong>{' '}
          <span class="soft">
            Look whether its process runs, and what its log says last. What stands below is old.
          </span>
        </p>
      )}
      <div data-old={gone !== undefined}>
        <Causes causes={causes.slice(0, MOST_CAUSES)} />
        {more.length > 0 && (
          <details>
            <summary>{`${more.length} more`}</summary>
            <Causes causes={more} />
          </details>
        )}
      </div>
    </section>
  )
}

/** Where the page shows more of a cause; undefined: nowhere. */
function viewOf({ cause }: CauseJson): string | undefined {
  const [kind = '', ...named] = cause.split(':')
  const of = named.join(':')
  if (kind === 'quarantine') return writeRoute(['quarantine'])
  if (kind === 'conflicts') return writeRoute(['events'], { state: 'conflict' })
  if (kind === 'jobs_dead') return writeRoute(['handlers', of], { state: 'dead' })
  if (kind.startsWith('handler_')) return writeRoute(['handlers', of])
  return kind === 'source_silent' ? writeRoute(['events'], { source: of }) : undefined
}

function CauseText({ cause }: { cause: CauseJson }) {
  const view = viewOf(cause)
  return view === undefined ? <span>{cause.text}</span> : <a href={view}>{cause.text}</a>
}

function Causes({ causes }: { causes: readonly CauseJson[] }) {
  return (
    <ul>
      {causes.map((one) => (
        <li key={one.cause} data-state={isUrgent(one) ? 'dead' : 'late'}>
          <strong>
            <CauseText cause={one} />
          </strong>{' '}
          <span class="soft">
            Since <Time at={one.since} />. {one.remedy}
          </span>
        </li>
      ))}
    </ul>
  )
}

export function Foot({ updatedAt, isOld }: { updatedAt: number | undefined; isOld: boolean }) {
  return (
    <footer>
      <p>
        {updatedAt !== undefined && (
          <>
            {isOld ? 'What is shown is of' : 'Updated'} <time>{clockTime(updatedAt)}</time>.{' '}
          </>
        )}
        JSON: <a href="api/stats">figures</a>, <a href="api/events">events</a>,{' '}
        <a href="api/jobs">jobs</a>, <a href="api/quarantine">quarantine</a>. Times are those of{' '}
        {zoneText()};{' '}
        <Button className="plain" onPress={() => chooseZone(!isUtc)}>
          {isUtc ? 'show those of this device' : 'show UTC'}
        </Button>
        . <a href={writeRoute(['audit'])}>What people had done here</a>.
      </p>
    </footer>
  )
}

export function Problem({ text }: { text: string }) {
  return (
    <p class="card problem" role="alert">
      {text}
    </p>
  )
}

/** The form for the password. */
export function Login({ onSignedIn }: { onSignedIn: () => void }) {
  const password = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState('')
  const [isBusy, setBusy] = useState(false)
  useEffect(() => password.current?.focus(), [])

  async function signIn(event: SubmitEvent) {
    event.preventDefault()
    setBusy(true)
    setProblem('')
    try {
      await post('api/login', { password: password.current?.value })
      onSignedIn()
    } catch (error) {
      setProblem(error instanceof NoAnswer ? error.message : 'This page failed. Reload it.')
      password.current?.select()
    } finally {
      setBusy(false)
    }
  }

  return (
    <form class="card login" onSubmit={signIn}>
      <h1>Sign in</h1>
      <p class="soft">The password is what ADMIN_PASSWORD of this receiver says.</p>
      {/* Password managers want to know whose password it is. */}
      <input
        class="unseen"
        type="text"
        name="username"
        autocomplete="username"
        value="admin"
        tabIndex={-1}
        aria-hidden="true"
      />
      <label for="password">Password</label>
      <input
        ref={password}
        type="password"
        name="password"
        id="password"
        autocomplete="current-password"
        required
      />
      <button class="strong" type="submit" disabled={isBusy}>
        Sign in
      </button>
      <p class="problem" role="alert">
        {problem}
      </p>
    </form>
  )
}
