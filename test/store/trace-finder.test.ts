import { describe, expect, it } from 'vitest'
import { createTraceFinder } from '../../src/store/trace-finder.ts'

const { isIn, isInBytes } = createTraceFinder(['Ann.Lee+x@Example.com'])

describe('a trace finder', () => {
  it.each([
    '{"email":"ann.lee+x@example.com"}',
    '{"email":"ANN.LEE+X@EXAMPLE.COM"}',
    'Ann <ann.lee+x@example.com>',
    '{"from":"Ann \\u003cann.lee+x@example.com\\u003e"}',
    '{"from":"ann.lee\\u002bx\\u0040example.com"}',
    '{"text":"line\\nann.lee+x@example.com\\nline"}',
    '{"error":"{\\"text\\":\\"line\\\\nann.lee+x@example.com\\"}"}',
    '{"url":"https://example.org/?to=ann.lee%2Bx%40example.com&a=1"}',
    '{"url":"https://example.org/?u=%2F%3Fto%3Dann.lee%252Bx%2540example.com"}',
    '{"note":"\\u0061nn.lee+x@exampl\\u0065.com"}',
    '{"error":"{\\"note\\":\\"\\\\u0041nn.lee+x@example.com\\"}"}',
    'https://example.org/?e=%61nn.lee%2Bx%40example%2Ecom',
    'https://example.org/?e=%2561nn.lee%252Bx%2540example.com',
    '{"html":"\\u003cb\\u003e\\u0026#97;nn.lee+x@example.com"}',
    '{"error":"{\\"note\\":\\"\\u005cu0061nn.lee+x@example.com\\"}"}',
    'html=%3Cb%3E%26%2397;nn.lee%2Bx%40example.com',
    '<b>&#97;nn.lee+x@example.com</b>',
    '<a href="mailto:ann.lee+x&#64;example.com">',
    'ann.lee+x@example.com',
    '{"url":"https://example.org/?e=hello+ann.lee+x%40example.com"}',
    'event=delivery&response=550+user+ann.lee%2Bx%40example.com',
    'event=delivery&response=550+user+ann.lee%2Bx@example.com\n',
    '✉\ufe0fann.lee+x@example.com',
    'Write to ann.lee+x@example.com.',
  ])('finds the address in %s', (text) => {
    expect(isIn(text)).toBe(true)
    expect(isInBytes(Buffer.from(text))).toBe(true)
  })

  it.each([
    '{"email":"jo.ann.lee+x@example.com"}',
    '{"email":"joann.lee+x@example.com"}',
    '{"email":"ann.lee+x@example.com.au"}',
    '{"email":"ann.lee+x@example.community"}',
    '{"email":"ann.lee@example.com"}',
    '{"email":"annxlee+x@example.com"}',
    '{"email":"jo+ann.lee+x@example.com"}',
    'event=delivery&email=jo%2Bann.lee%2Bx%40example.com',
    '{"url":"https://example.org/?e=jo%2Bann.lee%2Bx%40example.com"}',
    '',
  ])('leaves other people alone: %s', (text) => {
    expect(isIn(text)).toBe(false)
  })

  it('finds it among bytes that are no text, and in UTF-16', () => {
    const broken = Buffer.concat([Buffer.from([255, 0, 254]), Buffer.from('ann.lee+x@example.com')])
    expect(isInBytes(broken)).toBe(true)
    expect(isInBytes(Buffer.from('{"email":"ann.lee+x@example.com"}', 'utf16le'))).toBe(true)
  })

  it.each([
    '550 unknown ann@example.com.Please check',
    '550 unknown ANN@example.com.PLEASE check',
    '{"text":"_ann@example.com_"}',
    '{"text":"see\\n__Ann@example.com__"}',
    '{"event":"activity_log.ann@example.com"}',
    '{"event":"ACTIVITY_LOG.Ann@example.com"}',
  ])('tells the address from the text around it: %s', (text) => {
    expect(createTraceFinder(['ann@example.com']).isIn(text)).toBe(true)
  })

  it.each([
    'ann@example.com.au',
    'ANN@EXAMPLE.COM.AU',
    'Ann@Example.Com.Au',
    'ann@example.com.please check',
    'ann@example.com.2',
    '_ann@example.com',
    'x_ann@example.com_',
    '__ann@example.com_',
    'x.ann@example.com',
    'my_activity_log.ann@example.com',
    'ann@example.com-x.Please',
  ])('takes it for a longer one: %s', (text) => {
    expect(createTraceFinder(['ann@example.com']).isIn(text)).toBe(false)
  })

  it('finds letters beyond ASCII in either case, escaped or not', () => {
    const finder = createTraceFinder(['Jörg@Müller.example'])
    expect(finder.isIn('JÖRG@MÜLLER.EXAMPLE')).toBe(true)
    expect(finder.isIn('{"email":"j\\u00D6rg@m\\u00fcller.example"}')).toBe(true)
    expect(finder.isIn('jorg@muller.example')).toBe(false)
  })

  it('finds letters beyond ASCII in a URL, whichever bytes stand for them', () => {
    const finder = createTraceFinder(['josé@example.com'])
    expect(finder.isIn('{"note":"http://x/?e=jos%C3%A9%40example.com"}')).toBe(true)
    expect(finder.isIn('{"note":"http://x/?u=%3Fe%3Djos%25C3%2589%2540example.com"}')).toBe(true)
    expect(finder.isIn('{"note":"http://x/?e=jos%E9%40example.com"}')).toBe(true)
    expect(finder.isIn('{"note":"http://x/?e=%C3%A9jos%C3%A9%40example.com"}')).toBe(false)
  })

  it.each(['NFC', 'NFD'] as const)('finds letters with accents written as %s', (form) => {
    const finder = createTraceFinder(['josé@éxample.com'.normalize(form)])
    for (const other of ['NFC', 'NFD'] as const) {
      expect(finder.isIn('JOSÉ@éxample.com'.normalize(other))).toBe(true)
      const encoded = encodeURIComponent('josé@éxample.com'.normalize(other))
      expect(finder.isIn(`https://example.org/?e=${encoded}`)).toBe(true)
    }
    expect(finder.isIn('q\u0303josé@éxample.com')).toBe(false)
    expect(finder.patterns).toContain('%jos%xample%com%')
  })

  it.each([
    ['"John Doe"@example.com', '{"email":"\\"john doe\\"@example.com"}'],
    ['a(b@example.com', '{"email":"a(b@example.com"}'],
  ])('finds the odd address %s', (address, text) => {
    const finder = createTraceFinder([address])
    expect(finder.isIn(text)).toBe(true)
    expect(finder.isIn('{"email":"doe@example.com","other":"b@example.com"}')).toBe(false)
  })

  it('gives a database a pattern that never misses what it finds', () => {
    expect(createTraceFinder(['Ann.Lee+x@Example.com']).patterns).toEqual([
      '%ann%lee%x%example%com%',
      // Any letter may be escaped.
      '%\\\\u00%',
      '%\\%%',
      '%&#%',
    ])
  })
})
