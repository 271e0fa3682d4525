import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from './elements.tsx'
import { cut } from './format.ts'

/** As the API allows. */
const LONGEST_REASON = 300

/** Asks why nobody needs these dead jobs: without a reason none is discarded. It takes the keyboard. */
export function ReasonForm(props: {
  /** Such as `3 jobs`. */
  what: string
  /** The error by which they are chosen. */
  about?: string | undefined
  onGiven: (reason: string) => unknown
  onCancel: () => void
}) {
  const { what, about, onGiven, onCancel } = props
  const field = useRef<HTMLInputElement>(null)
  const [reason, setReason] = useState('')
  useEffect(() => field.current?.focus(), [])
  const isGiven = reason.trim() !== ''
  return (
    <form
      class="reason"
      onSubmit={(event) => {
        event.preventDefault()
        if (isGiven) void onGiven(reason)
      }}
      onKeyDown={(event) => event.key === 'Escape' && onCancel()}
    >
      {about !== undefined && <p class="error">{cut(about)}</p>}
      <label>
        {`Why does nobody need ${what} any more?`}
        <input
          ref={field}
          maxLength={LONGEST_REASON}
          autocomplete="off"
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <p class="soft">
        Kept with each job, and in the audit trail for ever: name no person. A discarded job counts
        as dead no longer, and runs no more unless it is replayed.
      </p>
      <p class="actions">
        <Button className="strong" isDisabled={!isGiven} onPress={() => onGiven(reason)}>
          {`Discard ${what}`}
        </Button>
        <Button onPress={onCancel}>Cancel</Button>
      </p>
    </form>
  )
}
