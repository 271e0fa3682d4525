import { post } from './api.ts'
import { Button, type Run } from './elements.tsx'
import { count } from './format.ts'

/** By these the receiver chooses events to run again; a recipient or an id it only finds. */
const CHOSEN_BY: ReadonlySet<string> = new Set(['type', 'state', 'from', 'to'])
/** It goes through all that match, however many they are. */
const WAIT_MS = 3_600_000

/** Whether all that was searched for can be run again at once; what is pending runs anyway. */
function canRun(asked: URLSearchParams): boolean {
  const names = [...asked.keys()]
  const isKnown = names.length > 0 && names.every((name) => CHOSEN_BY.has(name))
  return isKnown && asked.get('state') !== 'pending'
}

/** Runs the handlers of all events again that a search finds, also of those that the page does not show. */
export function RunFound(props: {
  asked: URLSearchParams
  run: Run
  onChanged: () => Promise<void>
}) {
  const { asked, run, onChanged } = props
  if (!canRun(asked)) return null
  const replay = () =>
    run(async () => {
      const body = Object.fromEntries(asked)
      const { replayed } = await post<{ replayed: number }>('api/replay', body, WAIT_MS)
      await onChanged()
      return replayed === 0
        ? 'No job to run: no handler wants them, or their jobs are pending already.'
        : `${count(replayed, 'job')} made pending.`
    })
  return (
    <Button ask="Really run all of them again?" onPress={replay}>
      Run all of them again
    </Button>
  )
}
