import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { DiscardedJson } from '../api/discard.ts'
import type { JobJson } from '../api/jobs.ts'
import { post } from './api.ts'
import { Button, Card, type Run, Time } from './elements.tsx'
import { count, cut, showNumber } from './format.ts'
import { List, Pages } from './lists.tsx'
import { ReasonForm } from './reason-form.tsx'
import { writeRoute } from './route.ts'

const diedAt = (job: JobJson) => job.attempts.at(-1)?.ended_at ?? null

/** The dead jobs of a handler, to be replayed one by one, and replayed or discarded a selection of them. */
export function DeadJobs(props: {
  name: string
  page: { readonly jobs: readonly JobJson[]; readonly cursor: string | null }
  cursor: string | null
  isByHand: boolean
  run: Run
  onChanged: () => Promise<void>
}) {
  const { name, page, cursor, isByHand, run, onChanged } = props
  /** Events of the jobs that were ticked; those that left the page do not count. */
  const [ticks, setTicks] = useState<ReadonlySet<string>>(new Set())
  const events = page.jobs.map(({ event }) => event)
  const chosen = events.filter((event) => ticks.has(event))

  const tick = (some: readonly string[], isTicked: boolean) =>
    setTicks(new Set([...chosen.filter((one) => !some.includes(one)), ...(isTicked ? some : [])]))
  const named = (some: readonly string[]) => some.map((event) => ({ event, handler: name }))
  const replay = (some: readonly string[]) =>
    run(async () => {
      const jobs = named(some)
      const { replayed } = await post<{ replayed: number }>('api/jobs/replay', { jobs })
      tick(some, false)
      await onChanged()
      return `${count(replayed, 'job')} made pending.`
    })
  const discard = (reason: string) =>
    run(async () => {
      const jobs = named(chosen)
      const { discarded } = await post<DiscardedJson>('api/jobs/discard', { jobs, reason })
      tick(chosen, false)
      await onChanged()
      return `${count(discarded, 'job')} discarded.`
    })

  const every = (
    <input
      type="checkbox"
      aria-label="Choose all of this page"
      checked={events.length > 0 && chosen.length === events.length}
      onChange={(event) => tick(events, event.currentTarget.checked)}
    />
  )
  return (
    <Card title="Dead jobs" isWide>
      <List
        rows={page.jobs}
        // One that has died again is another row.
        keyOf={(job) => `${job.event} ${diedAt(job)}`}
        columns={[
          [every, ''],
          'Event',
          'Died',
          ['Attempts', 'number'],
          'Last error',
          ['', 'number'],
        ]}
        className="dead-jobs"
        none="No job is dead."
        isByHand={isByHand}
        noun="other job"
        show={(job) => (
          <tr>
            <td>
              <input
                type="checkbox"
                aria-label={`Choose the job of event ${job.event}`}
                checked={ticks.has(job.event)}
                onChange={(event) => tick([job.event], event.currentTarget.checked)}
              />
            </td>
            <td class="whole">
              <a href={writeRoute(['events', job.event])}>#{job.event}</a>
            </td>
            <td>
              <Time at={diedAt(job)} />
            </td>
            <td class="number">{showNumber(job.attempt)}</td>
            <td class="error">{cut((job.last_error ?? '').split('\n', 1)[0])}</td>
            <td class="number">
              <Button onPress={() => replay([job.event])} label={`Replay event ${job.event}`}>
                Replay
              </Button>
            </td>
          </tr>
        )}
      />
      <Actions
        chosen={events.length === 0 ? undefined : chosen.length}
        onReplay={() => replay(chosen)}
        onDiscard={discard}
      >
        <Pages segments={['handlers', name]} cursor={cursor} next={page.cursor} />
      </Actions>
    </Card>
  )
}

/** `chosen`: how many jobs; undefined: there is none to choose. */
function Actions(props: {
  chosen: number | undefined
  onReplay: () => unknown
  onDiscard: (reason: string) => unknown
  children: ComponentChildren
}) {
  const { chosen, onReplay, onDiscard } = props
  const [isAsking, setAsking] = useState(false)
  return (
    <>
      <p class="actions">
        {chosen !== undefined && (
          <>
            <Button onPress={onReplay} isDisabled={chosen === 0}>
              {`Replay selected (${showNumber(chosen)})`}
            </Button>
            <Button onPress={() => setAsking(true)} isDisabled={chosen === 0}>
              {`Discard selected (${showNumber(chosen)})`}
            </Button>
          </>
        )}
        {props.children}
      </p>
      {isAsking && chosen !== undefined && chosen > 0 && (
        <ReasonForm
          what={count(chosen, 'job')}
          onGiven={(reason) => {
            setAsking(false)
            return onDiscard(reason)
          }}
          onCancel={() => setAsking(false)}
        />
      )}
    </>
  )
}
