import { describe, expect, it } from 'vitest'
import { readBody, textOf } from './open-batch.ts'

const A = '{"event":"a","n":1}'
const B = '{"event":"b","n":[{},"]}"]}'

/** Texts of the events, and reason with text of what is none. */
function read(body: string | Uint8Array, contentType?: string) {
  const { events, unreadable } = readBody(body, contentType)
  return {
    events: events.map((event) => event.payload),
    unreadable: unreadable.map((piece) => `${piece.reason}: ${textOf(piece.bytes)}`),
  }
}

describe('splitPieces', () => {
  it.each([
    ['an envelope', `{"events":[${A},${B}]}`],
    ['an envelope with members on both sides', `{"a":[1,{"b":2}],"events":[${A},${B}],"c":"]"}`],
    ['an indented envelope', `\n{\r\n  "events" : [\n\t${A} ,\n ${B}\n ]\n}\n`],
    ['an envelope with an escaped key', `{"\\u0065vents":[${A},${B}]}`],
    [
      'an envelope with the key in full escapes',
      `{"\\u0065\\u0076\\u0065\\u006e\\u0074\\u0073":[${A},${B}]}`,
    ],
    ['every array of a repeated key', `{"events":[${A}],"x":1,"events":"no","events":[${B}]}`],
    ['an envelope whose event is no text', `{"event":7,"events":[${A},${B}]}`],
    ['an array', `[${A},${B}]`],
    ['an array with commas too many', `[,${A},, ${B},]`],
    ['lines', `${A}\n${B}\n`],
    ['lines without a final newline', `${A}\n${B}`],
    ['lines with CRLF and blanks', `\r\n${A}\r\n\r\n  \r\n ${B} \r\n`],
    ['a byte order mark', `\ufeff{"events":[${A},${B}]}`],
    ['a byte order mark before lines', `\ufeff${A}\n${B}`],
  ])('reads %s', (_, body) => {
    expect(read(body)).toEqual({ events: [A, B], unreadable: [] })
    expect(read(body, 'application/x-www-form-urlencoded')).toEqual({
      events: [A, B],
      unreadable: [],
    })
  })

  it.each([
    ['one object', A],
    ['one object in white space', `\n ${A}\t\r\n`],
  ])('reads %s', (_, body) => {
    expect(read(body)).toEqual({ events: [A], unreadable: [] })
  })

  it('reads an object with an event name as one event, whatever its `events`', () => {
    const body = '{"events":[{"event":"inner"}],"\\u0065vent":"outer"}'
    expect(read(body)).toEqual({ events: [body], unreadable: [] })
  })

  it.each([
    ['nothing', ''],
    ['white space', ' \r\n\t'],
    ['a byte order mark alone', '\ufeff'],
    ['an empty array', '[]'],
    ['an empty envelope', '{ "events" : [ ] }'],
  ])('finds no pieces in %s', (_, body) => {
    expect(read(body)).toEqual({ events: [], unreadable: [] })
  })

  it.each([
    ['an object without events', '{"a":1}', 'no_events'],
    ['an indented object with an event-like line', `{"items":[\n${A}\n]}`, 'no_events'],
    ['an object with other events', '{"events":"none"}', 'no_events'],
    ['a number', '42', 'no_events'],
    ['a text', '"text"', 'no_events'],
    ['null', 'null', 'no_events'],
    ['an envelope cut off', `{"events":[${A},{"event":"b`, 'invalid_json'],
    ['an array cut off', `[${A}`, 'invalid_json'],
    ['an array closed by a brace', `[${A}}`, 'invalid_json'],
    ['an object cut off in a text', '{"event":"', 'invalid_json'],
    ['an object with a comma too many', '{"event":"a",}', 'invalid_json'],
    ['an envelope with rubbish behind it', `{"events":[${A}]} x`, 'invalid_json'],
    ['rubbish', 'hello\nworld', 'invalid_json'],
    ['a form without an event', 'a=1&b=2', 'invalid_json'],
  ])('takes %s as one unreadable body', (_, body, reason) => {
    expect(read(` ${body}\n`)).toEqual({ events: [], unreadable: [`${reason}:  ${body}\n`] })
  })

  it('says of a labelled form without an event that it holds none', () => {
    expect(read('a=1&b=2', 'application/x-www-form-urlencoded').unreadable).toEqual([
      'no_events: a=1&b=2',
    ])
  })

  it.each([
    ['nonsense', `[${A},{"event":nonsense},${B}]`, '{"event":nonsense}', 'invalid_json'],
    ['brackets mixed up', `[${A},{"event":[1}],${B}]`, '{"event":[1}]', 'invalid_json'],
    ['a word', `{"events":[${A},word,${B}]}`, 'word', 'invalid_json'],
    ['a number', `{"events":[${A}, 17 ,${B}]}`, '17', 'not_an_object'],
    ['an array', `{"events":[${A},[${A}],${B}]}`, `[${A}]`, 'not_an_object'],
    ['a line without a name', `${A}\n{"event":null}\n${B}`, '{"event":null}', 'no_event_name'],
    ['a cut line', `${A}\n{"event":"x\n${B}`, '{"event":"x', 'invalid_json'],
    ['a first line cut', `{"event":"x\n${A}\n${B}`, '{"event":"x', 'invalid_json'],
    ['a first line of rubbish', `rubbish\n${A}\n${B}`, 'rubbish', 'invalid_json'],
    ['a last line cut', `${A}\n${B}\n{"ev`, '{"ev', 'invalid_json'],
  ])('keeps the neighbours of %s', (_, body, text, reason) => {
    expect(read(body)).toEqual({ events: [A, B], unreadable: [`${reason}: ${text}`] })
  })

  it('keeps the good line between two broken ones that look like one object together', () => {
    const first = '{"event":"a","v":{"x":1}'
    const last = '{"event":"c"}}'
    expect(read(`${first}\n${B}\n${last}`)).toEqual({
      events: [B],
      unreadable: [`invalid_json: ${first}`, `invalid_json: ${last}`],
    })
  })

  it('reads an array that is longer than any sender makes, to its last element', () => {
    const many = `${`${A},`.repeat(10_500)}oops,${B}`
    const { events, unreadable } = read(`{"events":[${many}],"events":[${many}] x}`)
    expect(events.filter((text) => text === A)).toHaveLength(21_000)
    expect(events.filter((text) => text === B)).toHaveLength(2)
    expect(unreadable).toEqual(['invalid_json: oops', 'invalid_json: oops', 'invalid_json: x'])
  })

  it('keeps what stands behind an array in its member', () => {
    expect(read(`{"events":[${A}] [${B}]}`)).toEqual({
      events: [A],
      unreadable: [`not_an_object: [${B}]`],
    })
  })

  it('keeps a brace that closes an array', () => {
    expect(read(`{"events":[${A}}}`)).toEqual({ events: [A], unreadable: ['invalid_json: }'] })
    expect(read('{"events":[}}')).toEqual({ events: [], unreadable: ['invalid_json: }'] })
    expect(read(`{"events":[},"x":1,"events":[${A}]}`)).toEqual({
      events: [A],
      unreadable: ['invalid_json: }'],
    })
  })

  it('refuses only the piece whose bytes are no UTF-8', () => {
    const body = Buffer.concat([
      Buffer.from(`{"events":[${A},{"event":"`),
      Buffer.from([0xc3, 0x28]),
      Buffer.from(`"},${B}]}`),
    ])
    const { events, unreadable } = readBody(body)
    expect(events.map((event) => event.payload)).toEqual([A, B])
    expect(unreadable.map((piece) => piece.reason)).toEqual(['invalid_utf8'])
    expect(unreadable[0]?.bytes).toEqual(new Uint8Array(body.subarray(31, 45)))
  })

  it('draws the line at 64 levels', () => {
    const nested = (levels: number) =>
      `{"event":"x","v":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
    const { events, unreadable } = readBody(`[${nested(64)},${nested(65)}]`)
    expect(events.map((event) => event.payload)).toEqual([nested(64)])
    expect(unreadable.map((piece) => piece.reason)).toEqual(['too_deep'])
  })
})
