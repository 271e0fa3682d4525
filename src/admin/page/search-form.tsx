import { useRef } from 'preact/hooks'
import { Button } from './elements.tsx'
import { cut, fromLocalInput, toLocalInput } from './format.ts'
import { writeRoute } from './route.ts'

const LABELS = {
  recipient: 'Recipient',
  message_id: 'Message id',
  event_id: 'Event id',
  batch: 'Batch',
  type: 'Type',
  state: 'State',
  source: 'Source',
  from: 'Received from',
  to: 'Received before',
} as const
type Field = keyof typeof LABELS
export const FIELDS = Object.keys(LABELS) as Field[]
export type Filter = Readonly<Record<Field, string>>

const STATES = ['', 'pending', 'done', 'dead', 'unhandled', 'conflict', 'stale']
const MOST_TEXT = 1_000
const MOST_KNOWN = 50
const HOUR_MS = 3_600_000
const PRESETS = [
  ['hour', HOUR_MS],
  ['day', 24 * HOUR_MS],
  ['week', 7 * 24 * HOUR_MS],
] as const

const isTime = (name: Field) => name === 'from' || name === 'to'

/** What events may be asked for; pressing Search puts it into the address. */
export function SearchForm(props: {
  filter: Filter
  /** What is known, of some fields. */
  known: Partial<Record<Field, readonly string[]>>
}) {
  const { filter, known } = props
  const form = useRef<HTMLFormElement>(null)
  const field = (name: Field) => form.current?.elements.namedItem(name) as HTMLInputElement

  function submit(event: SubmitEvent) {
    event.preventDefault()
    const values = Object.fromEntries(
      FIELDS.map((name) => [name, readField(name, field(name).value.trim(), filter)]),
    ) as Filter
    const isBackwards = values.from !== '' && values.to !== '' && values.from >= values.to
    field('to').setCustomValidity(isBackwards ? 'Later than the time before, please.' : '')
    if (!form.current?.reportValidity()) return
    const hash = writeRoute(['events'], values)
    if (hash === location.hash) dispatchEvent(new HashChangeEvent('hashchange'))
    else location.hash = hash
  }

  function searchLast(spanMs: number) {
    field('from').value = toLocalInput(new Date(Date.now() - spanMs).toISOString())
    field('to').value = ''
    form.current?.requestSubmit()
  }

  return (
    <search>
      <form
        ref={form}
        class="card filters"
        onInput={() => field('to').setCustomValidity('')}
        onSubmit={submit}
      >
        {FIELDS.map((name) => (
          <div class="field" key={name}>
            <label for={`filter-${name}`}>{LABELS[name]}</label>
            <Input name={name} value={filter[name]} known={known[name]} />
          </div>
        ))}
        <p class="actions">
          <button class="strong" type="submit">
            Search
          </button>
          <Button onPress={() => location.assign(writeRoute(['events']))}>Clear</Button>
          <span class="soft">Received in the last</span>
          {PRESETS.map(([text, spanMs]) => (
            <Button key={text} onPress={() => searchLast(spanMs)}>
              {text}
            </Button>
          ))}
        </p>
      </form>
    </search>
  )
}

/** A time that nobody touched keeps what the field does not show. */
function readField(name: Field, value: string, filter: Filter): string {
  if (!isTime(name)) return value
  const instant = fromLocalInput(value)
  return instant === fromLocalInput(toLocalInput(filter[name])) ? filter[name] : instant
}

function Input(props: { name: Field; value: string; known: readonly string[] | undefined }) {
  const { name, value, known = [] } = props
  const id = `filter-${name}`
  if (name === 'state') {
    return (
      <select name={name} id={id}>
        {STATES.map((state) => (
          <option key={state} value={state} selected={state === value}>
            {state || 'any'}
          </option>
        ))}
      </select>
    )
  }
  if (isTime(name)) {
    const shown = toLocalInput(value)
    return <input type="datetime-local" step="1" name={name} id={id} defaultValue={shown} />
  }
  return (
    <>
      <input
        type="text"
        name={name}
        id={id}
        list={`known-${name}`}
        defaultValue={value}
        maxLength={MOST_TEXT}
        autocomplete="off"
        spellcheck={false}
      />
      <datalist id={`known-${name}`}>
        {known.slice(0, MOST_KNOWN).map((one) => (
          <option key={one} value={cut(one)} />
        ))}
      </datalist>
    </>
  )
}
