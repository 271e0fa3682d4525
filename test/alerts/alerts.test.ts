import { describe, expect, it } from 'vitest'
import { createMemoryKeeper } from '../../src/alerts/alert-memory.ts'
import { createAlerts } from '../../src/alerts/alerts.ts'
import type { ReadFigures } from '../../src/alerts/read-figures.ts'
import { AlertFailure, type AlertMessage } from '../../src/alerts/send-alert.ts'
import type { Note } from '../../src/store/store.ts'
import { HOUR_MS, NOW, wellFigures, withStore } from './sample-figures.ts'

const TARGET = { url: 'https://alerts.example.com/hush', secret: undefined }
const DEAD = withStore({ jobs: { crm: { pending: 0, done: 0, dead: 2 } } })
const FULL = { isReady: false, storeState: 'store_full' }

/** What replicas share. */
function createNotes() {
  const notes = new Map<string, Note>()
  const state = { isAway: false, writes: 0 }
  return {
    state,
    async readNote(name: string) {
      if (state.isAway) throw new Error('away')
      return notes.get(name)
    },
    async writeNote(name: string, { version, body }: Note) {
      if (state.isAway) throw new Error('away')
      if ((notes.get(name)?.version ?? 0) !== version) return false
      notes.set(name, { version: version + 1, body })
      state.writes++
      return true
    },
  }
}

interface World {
  at: number
  figures: Partial<ReadFigures>
  isReached: boolean
  readonly sent: (AlertMessage & { by: string })[]
  readonly failures: string[]
}

const createWorld = (): World => ({
  at: NOW,
  figures: {},
  isReached: true,
  sent: [],
  failures: [],
})

function replica(world: World, notes: ReturnType<typeof createNotes>, by = 'one') {
  return createAlerts({
    readFigures: async () => wellFigures({ ...world.figures, at: world.at }),
    memory: createMemoryKeeper(notes),
    sources: () => [{ name: 'mailtrap' }],
    target: () => TARGET,
    async send(_target, message) {
      if (!world.isReached) throw new AlertFailure('Where ALERT_URL leads answered 500.')
      world.sent.push({ ...message, by })
      return 200
    },
    receiver: 'hooks.example.com',
    observer: {
      alertSent() {},
      alertFailed: ({ cause, detail }) => world.failures.push(`${cause}: ${detail}`),
    },
    now: () => world.at,
  })
}

type Looking = ReturnType<typeof createAlerts>

/** Every ten seconds each of them looks, all at once. */
async function pass(world: World, seconds: number, looking: readonly Looking[]): Promise<void> {
  for (let second = 0; second < seconds; second += 10) {
    world.at += 10_000
    await Promise.all(looking.map((one) => one.look()))
  }
}

const told = ({ sent }: World) => sent.map(({ cause, state }) => `${cause} ${state}`)

describe('alerts', () => {
  it('tell what begins with what to do, and what is over', async () => {
    const world = createWorld()
    const alerts = replica(world, createNotes())
    world.figures = DEAD
    await pass(world, 60, [alerts])
    expect(world.sent).toMatchObject([
      {
        cause: 'jobs_dead:crm',
        state: 'began',
        since: NOW + 10_000,
        text: '2 jobs of the handler crm are dead. mailtrap-receiver jobs --state dead lists them: mend the cause and replay them, or discard them.',
        receiver: 'hooks.example.com',
      },
    ])
    world.figures = {}
    await pass(world, 120, [alerts])
    expect(told(world)).toEqual(['jobs_dead:crm began', 'jobs_dead:crm ended'])
    expect(world.sent[1]?.text).toBe('2 jobs of the handler crm are dead.')
  })
  it('are sent once by several replicas that look at the same moment', async () => {
    const world = createWorld()
    const notes = createNotes()
    const replicas = ['one', 'two', 'three'].map((name) => replica(world, notes, name))
    world.figures = { ...DEAD, ...FULL }
    await pass(world, 120, replicas)
    expect(told(world).sort()).toEqual(['jobs_dead:crm began', 'not_ready began'])
    world.figures = {}
    await pass(world, 240, replicas)
    expect(told(world).slice(2).sort()).toEqual(['jobs_dead:crm ended', 'not_ready ended'])
  })
  it('are not sent again after a restart, and their end is', async () => {
    const world = createWorld()
    const notes = createNotes()
    world.figures = DEAD
    await pass(world, 60, [replica(world, notes)])
    world.at += HOUR_MS
    const next = replica(world, notes)
    await pass(world, 600, [next])
    expect(told(world)).toEqual(['jobs_dead:crm began'])
    world.figures = {}
    await pass(world, 120, [next])
    expect(told(world)).toEqual(['jobs_dead:crm began', 'jobs_dead:crm ended'])
  })
  it('are sent while the store is away, and their end once it is back', async () => {
    const world = createWorld()
    const notes = createNotes()
    const alerts = replica(world, notes)
    await pass(world, 60, [alerts])
    notes.state.isAway = true
    world.figures = { ...FULL, ...DEAD }
    await pass(world, 120, [alerts])
    expect(told(world)).toEqual(['not_ready began', 'jobs_dead:crm began'])
    notes.state.isAway = false
    world.figures = DEAD
    await pass(world, 180, [alerts])
    expect(told(world).slice(2)).toEqual(['not_ready ended'])
    await pass(world, 60, [replica(world, notes)])
    expect(world.sent).toHaveLength(3)
  })
  it('are tried again, later and later, and the failures told without their address', async () => {
    const world = createWorld()
    const alerts = replica(world, createNotes())
    world.figures = { ...DEAD, ...FULL }
    world.isReached = false
    await pass(world, 600, [alerts])
    expect(world.failures.length).toBeLessThan(12)
    expect(world.failures[0]).toBe('not_ready: Where ALERT_URL leads answered 500.')
    expect(world.failures.join()).not.toContain('hush')
    world.isReached = true
    await pass(world, 900, [alerts])
    expect(told(world).sort()).toEqual(['jobs_dead:crm began', 'not_ready began'])
  })
  it('write nothing while nothing happens', async () => {
    const world = createWorld()
    const notes = createNotes()
    const alerts = replica(world, notes)
    await pass(world, 60, [alerts])
    const { writes } = notes.state
    await pass(world, 3_600, [alerts])
    expect(notes.state.writes).toBe(writes)
  })
  it('tell of what came to quarantine, and for a day only', async () => {
    const world = createWorld()
    const alerts = replica(world, createNotes())
    await pass(world, 60, [alerts])
    world.figures = withStore({ quarantined: 1 })
    await pass(world, 60, [alerts])
    world.at += 24 * HOUR_MS
    await pass(world, 180, [alerts])
    expect(told(world)).toEqual(['quarantine began', 'quarantine ended'])
  })
})

describe('the verdict', () => {
  it('is what was seen, with since when, also before anything is told', async () => {
    const world = createWorld()
    const alerts = replica(world, createNotes())
    expect(await alerts.verdict()).toEqual({ causes: [] })
    world.figures = DEAD
    await pass(world, 10, [alerts])
    const seenAt = world.at
    await pass(world, 300, [alerts])
    expect(await alerts.verdict()).toMatchObject({
      causes: [{ cause: 'jobs_dead:crm', since: seenAt, text: expect.any(String) }],
    })
  })
})
