import { type ComponentChildren, render } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { SessionJson } from '../api/session.ts'
import type { CauseJson, ProcessJson } from '../api/stats-schema.ts'
import { type AllDead, createAllDead } from './all-dead.tsx'
import { ask, NoAnswer, post } from './api.ts'
import { Audit } from './audit.tsx'
import { Event } from './event.tsx'
import { Events } from './events.tsx'
import { Foot, Login, Problem, Top, Verdict } from './frame.tsx'
import { Handler } from './handler.tsx'
import { Handlers } from './handlers.tsx'
import { Around, type ConnectionState, type Surroundings, useLook } from './look.ts'
import { Overview } from './overview.tsx'
import { Piece, Quarantine } from './quarantine.tsx'
import { createPlaces, type Route, readRoute } from './route.ts'

const places = createPlaces()
/** One for each handler: a replay goes on when its handler's view is left. */
const allDead = new Map<string, AllDead>()

function allDeadOf(handler: string): AllDead {
  const known = allDead.get(handler) ?? createAllDead(handler)
  allDead.set(handler, known)
  return known
}

/** The view that an address names, with its title. */
function chooseView({ view, rest: [id], query }: Route): [string, ComponentChildren] {
  if (view === 'overview') return ['Overview', <Overview query={query} />]
  if (view === 'events') {
    return id === undefined
      ? ['Events', <Events query={query} />]
      : [`Event ${id}`, <Event id={id} />]
  }
  if (view === 'handlers') {
    return id === undefined
      ? ['Handlers', <Handlers />]
      : [id, <Handler name={id} query={query} allDead={allDeadOf(id)} />]
  }
  if (view === 'quarantine') {
    return id === undefined
      ? ['Quarantine', <Quarantine cursor={query.get('cursor')} />]
      : [`Quarantine ${id}`, <Piece id={id} />]
  }
  if (view === 'audit') return ['Audit trail', <Audit cursor={query.get('cursor')} />]
  return ['No such view', <NoView />]
}

function NoView() {
  useLook(async () => {
    throw new NoAnswer('This page has no such view. Choose one above.', 404)
  })
  return null
}

/** An address that was come to; the same one again is another place. */
interface Place {
  readonly route: Route
  readonly top: number
  readonly visit: number
}

function arrive(visit: number): Place {
  return { route: readRoute(location.hash), top: places.arrive(), visit }
}

/** Where somebody is; `onLeave` when it is another place from now on. */
function usePlace(onLeave: () => void): Place {
  const [place, setPlace] = useState(() => arrive(0))
  useEffect(() => {
    const goElsewhere = () => {
      places.leave()
      onLeave()
      setPlace(({ visit }) => arrive(visit + 1))
    }
    addEventListener('hashchange', goElsewhere)
    return () => removeEventListener('hashchange', goElsewhere)
  }, [])
  return place
}

function SkipLink({ onSkip }: { onSkip: () => void }) {
  // Its address is no view's: that of the view stays.
  const skip = (event: MouseEvent) => {
    event.preventDefault()
    onSkip()
  }
  return (
    // biome-ignore lint/a11y/useValidAnchor: a screen reader lists links of this kind
    <a class="skip" href="#view" onClick={skip}>
      To the content
    </a>
  )
}

/** The dashboard: the view that the address names, and what stands around it. */
function Page() {
  const [told, tell] = useState<{ state: ConnectionState; text: string }>({
    state: 'waiting',
    text: 'Connecting…',
  })
  const [updatedAt, setUpdatedAt] = useState<number>()
  const [problem, setProblem] = useState<string>()
  const [isBusy, setBusy] = useState(true)
  const [isSignedOut, setSignedOut] = useState(false)
  const [session, setSession] = useState<SessionJson>()
  const [causes, setCauses] = useState<readonly CauseJson[]>([])
  const knowsSession = useRef(false)
  const main = useRef<HTMLElement>(null)

  const place = usePlace(() => {
    setProblem(undefined)
    setBusy(true)
    main.current?.focus({ preventScroll: true })
  })
  const onSignedOut = () => {
    knowsSession.current = false
    setSession(undefined)
    setCauses([])
    setSignedOut(true)
    setBusy(false)
    tell({ state: 'waiting', text: 'Signed out' })
  }
  const around: Surroundings = useMemo(
    () => ({
      tell(state, text) {
        tell({ state, text })
        setBusy(state === 'waiting')
        if (state === 'live') setUpdatedAt(Date.now())
      },
      async readSelf(isByHand) {
        setCauses((await ask<ProcessJson>('api/process', isByHand)).verdict)
        if (knowsSession.current) return
        setSession(await ask<SessionJson>('api/session'))
        knowsSession.current = true
      },
      onSignedOut,
      onProblem(text) {
        setProblem(text)
        setBusy(false)
      },
      top: place.top,
    }),
    [place],
  )
  const lose = ({ message }: Error) => tell({ state: 'lost', text: message })
  const isGone = told.state === 'unreachable'
  const [title, view] = isSignedOut
    ? ['Sign in', <Login onSignedIn={() => setSignedOut(false)} />]
    : chooseView(place.route)
  document.title = `${title} · mailtrap-receiver`

  return (
    <>
      <SkipLink onSkip={() => main.current?.focus()} />
      <Top
        view={place.route.view}
        session={session}
        told={told}
        causes={causes}
        onSignOut={() => post('api/logout').then(onSignedOut, lose)}
      />
      <Verdict causes={causes} gone={isGone ? told.text : undefined} />
      <main id="view" tabIndex={-1} ref={main} aria-busy={isBusy} data-old={isGone}>
        <Around.Provider value={around}>
          <div class="view" key={isSignedOut ? 'login' : place.visit}>
            {problem && <Problem text={problem} />}
            {view}
          </div>
        </Around.Provider>
      </main>
      {session && <Foot updatedAt={updatedAt} isOld={isGone || told.state === 'away'} />}
    </>
  )
}

const root = document.getElementById('page')
if (root) {
  root.replaceChildren()
  render(<Page />, root)
}
