import { useState } from 'preact/hooks'
import type { HandlerJson, HandlersJson } from '../api/handlers.ts'
import { failingShare, type HandlerState, handlerState } from '../api/in-words.ts'
import { post } from './api.ts'
import { inColour } from './chart-frame.tsx'
import { Button, Card, NameLink, type Run, useNotice } from './elements.tsx'
import { count, cut, showNumber } from './format.ts'
import { type Column, Table } from './lists.tsx'
import { useLook } from './look.ts'

/** Every handler and how it does. */
export function Handlers() {
  const { answer } = useLook((get) => get<HandlersJson>('api/handlers'))
  const { run, notice } = useNotice()
  return (
    <>
      <h1 class="unseen">Handlers</h1>
      {answer && (
        <Card title="Handlers">
          <Table
            rows={answer.handlers}
            none="No handler is loaded. A handler is a file in the folder HANDLERS."
            keyOf={({ name }) => name}
            columns={[
              ...HANDLER_COLUMNS,
              ['Done', ({ recent }) => showNumber(recent.done), { className: 'number roomy' }],
              [
                'Failed',
                ({ recent }) => showNumber(recent.retry + recent.dead),
                { className: 'number roomy' },
              ],
              ...COUNT_COLUMNS,
              [
                '',
                (handler) => <PauseButton handler={handler} run={run} />,
                { className: 'number' },
              ],
            ]}
          />
          {notice}
        </Card>
      )}
    </>
  )
}

/** What every table of handlers begins with. */
export const HANDLER_COLUMNS: readonly Column<HandlerJson>[] = [
  [
    'Handler',
    (handler) => [
      <span class="health" data-state={handlerState(handler)}>
        <NameLink to={['handlers', handler.name]} name={handler.name} />
      </span>,
      <bdi class="under">{explainHealth(handler)}</bdi>,
    ],
  ],
  [
    'Last hour',
    ({ recent }) => <Spark done={recent.done_by_minute} failed={recent.failed_by_minute} />,
    { className: 'roomy' },
  ],
]

export const COUNT_COLUMNS: readonly Column<HandlerJson>[] = [
  ['Pending', ({ jobs }) => showNumber(jobs.pending), { className: 'number' }],
  ['Dead', ({ jobs }) => showNumber(jobs.dead), { className: 'number' }],
]

/** Pauses a handler, or lets it go on, on every replica. */
export function PauseButton({ handler, run }: { handler: HandlerJson; run: Run }) {
  const { name, paused_since: pausedSince } = handler
  /** What was asked for, until the next look tells. */
  const [wanted, want] = useState<{ isPaused: boolean; instead: string | null }>()
  const isPaused = wanted?.instead === pausedSince ? wanted.isPaused : pausedSince !== null
  const change = () =>
    run(async () => {
      await post(`api/handlers/${encodeURIComponent(name)}/${isPaused ? 'resume' : 'pause'}`)
      want({ isPaused: !isPaused, instead: pausedSince })
      return isPaused
        ? `${name} goes on.`
        : `${name} is paused: what runs may finish, and nothing new begins until it is resumed.`
    })
  const text = isPaused ? 'Resume' : 'Pause'
  return (
    <Button onPress={change} label={`${text} ${name}`}>
      {text}
    </Button>
  )
}

const HEALTH: Readonly<Record<HandlerState, string>> = {
  paused: 'paused; its jobs wait',
  crashing: 'crashing',
  running: 'running',
  failing: 'running',
  stopped: 'not running',
  elsewhere: 'not running here; its jobs wait for a process that does',
}

export function explainHealth(handler: HandlerJson): string {
  const { restarts, last_problem: problem } = handler
  const share = failingShare(handler.recent)
  return [
    HEALTH[handlerState(handler)],
    ...(share ? [`${share} of the attempts of the last hour failed`] : []),
    ...(restarts ? [count(restarts, 'restart')] : []),
    ...(problem === null ? [] : [`last problem: ${cut(problem)}`]),
  ].join(', ')
}

const SPARK_WIDTH = 120
const SPARK_HEIGHT = 22

/** A row of tiny bars, failures in red upon the rest; minutes of the last hour. */
function Spark({ done, failed }: { done: readonly number[]; failed: readonly number[] }) {
  const top = Math.max(1, ...done.map((n, index) => n + (failed[index] ?? 0)))
  const width = SPARK_WIDTH / Math.max(1, done.length)
  const bar = (index: number, from: number, n: number, colour: string) =>
    n > 0 && (
      <rect
        x={(index * width).toFixed(2)}
        width={(width - 0.4).toFixed(2)}
        y={(SPARK_HEIGHT - ((from + n) / top) * SPARK_HEIGHT).toFixed(2)}
        height={Math.max(1, (n / top) * SPARK_HEIGHT).toFixed(2)}
        style={inColour(colour)}
      />
    )
  return (
    <svg viewBox={`0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`} class="spark" aria-hidden="true">
      {done.map((n, index) => [
        bar(index, 0, n, 'green'),
        bar(index, n, failed[index] ?? 0, 'red'),
      ])}
    </svg>
  )
}
