import { readFileSync } from 'node:fs'
import vm from 'node:vm'
import { describe, expect, it } from 'vitest'
import { basic, buildAdmin, makeHandler } from '../build-admin.ts'
import { makeEvent, makePiece } from '../memory-archive.ts'
import { createSmallDocument, type SmallElement } from './small-document.ts'

const read = (file: string) =>
  readFileSync(new URL(`../../../src/admin/page/${file}`, import.meta.url), 'utf8')

/** Runs the page's script against a real admin server, one refresh at a time. */
function openPage(options: { password?: string; authorization?: string } = {}) {
  const admin = buildAdmin(options.password === undefined ? {} : { password: options.password })
  const headers: Record<string, string> = options.authorization
    ? { authorization: options.authorization }
    : {}
  const document = createSmallDocument(read('index.html'))
  const timers: { callback: () => Promise<void>; waitMs: number }[] = []
  const state = { isReachable: true }

  const fetch = async (path: string) => {
    if (!state.isReachable) throw new TypeError('fetch failed')
    const answer = await admin.app.inject({ url: `/${path}`, headers })
    return new Response(answer.body, {
      status: answer.statusCode,
      headers: { 'retry-after': String(answer.headers['retry-after'] ?? '0') },
    })
  }
  const setTimeout = (callback: () => Promise<void>, waitMs: number) =>
    timers.push({ callback, waitMs })
  const get = (id: string): SmallElement => {
    const element = document.getElementById(id)
    if (!element) throw new Error(`The page has no ${id}.`)
    return element
  }
  const settle = () => expect.poll(() => timers.length, { interval: 5 }).toBeGreaterThan(0)

  return {
    ...admin,
    document,
    state,
    timers,
    get,
    text: (id: string) => get(id).textContent,
    start: async () => {
      vm.runInNewContext(read('page.js'), { document, fetch, setTimeout, AbortSignal, Response })
      await expect.poll(() => get('connection').textContent).not.toBe('')
    },
    refresh: async () => {
      await settle()
      await timers.shift()?.callback()
    },
  }
}

describe('GET / and its assets', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', 'index.html'],
    ['/page.css', 'text/css; charset=utf-8', 'page.css'],
    ['/page.js', 'text/javascript; charset=utf-8', 'page.js'],
    ['/icon.svg', 'image/svg+xml', 'icon.svg'],
  ])('serves %s as %s', async (url, type, file) => {
    const { app } = buildAdmin()

    const answer = await app.inject(url)

    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBe(type)
    expect(answer.body).toBe(read(file))
  })

  it('keeps to its own policy: no inline script or style, nothing from elsewhere', () => {
    const markup = read('index.html')

    expect(markup).not.toMatch(/\sstyle=|\son\w+=|<style|javascript:/i)
    expect(markup.match(/<script[^>]*>[^<]*<\/script>/g)).toEqual([
      '<script src="page.js" defer></script>',
    ])
    for (const file of ['index.html', 'page.css', 'page.js']) {
      expect(read(file)).not.toMatch(/(https?:)?\/\/[a-z]+[.]|@import|url\(/i)
    }
  })

  it('writes text only, and never markup', () => {
    expect(read('page.js')).not.toMatch(
      /innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|eval|Function\(|setHTML/,
    )
  })

  it('has an element for every name its script looks for', () => {
    const ids = new Set([...read('index.html').matchAll(/id="([^"]+)"/g)].map(([, id]) => id))
    const wanted = [...read('page.js').matchAll(/find\('([^']+)'\)/g)].map(([, id]) => id)

    expect(wanted.length).toBeGreaterThan(8)
    expect(wanted.filter((id) => !ids.has(id))).toEqual([])
  })
})

describe('the status page', () => {
  it('draws totals, states, types, handlers, events, refusals and quarantine', async () => {
    const page = openPage()
    page.archive.events.push(makeEvent('2'), makeEvent('1', { type: 'open', state: 'dead' }))
    page.archive.quarantine.push(makePiece('9', Buffer.from('{')))
    page.archive.figures = {
      batches: { received: 1_234, waiting: 0 },
      jobs: { suppress: { pending: 1, done: 2, dead: 3 } },
      oldestPendingMs: 7_200_000,
    }
    page.handlers.push(makeHandler('suppress'))
    page.health.suppress = { running: false, restarts: 3, lastProblem: 'exited with code 1' }
    page.counts.refused = { ...page.counts.refused, signature_shape: 4 }

    await page.start()

    expect(page.text('connection')).toBe('Live')
    expect(page.text('version')).toBe('1.2.3')
    expect(page.text('totals')).toContain('Batches1,234')
    expect(page.text('totals')).toContain('Oldest waits2 h')
    expect(page.text('states')).toBe('pending0done1dead1unhandled0conflict0stale0')
    expect(page.text('types')).toBe('bounce1open1')
    expect(page.text('handlers')).toBe(
      'suppressnot running, restarted 3 times: exited with code 1123',
    )
    expect(page.text('refused')).toBe('signature shape4')
    expect(page.get('events').children).toHaveLength(2)
    expect(page.text('events')).toContain('bounceada@example.commailtrapdone')
    await expect.poll(() => page.text('quarantine')).toContain('invalid json, 1 bytes')
  })

  it('says so where there is nothing yet', async () => {
    const page = openPage()

    await page.start()

    for (const list of ['events', 'types', 'handlers', 'refused']) {
      expect(page.get(`${list}-none`).hidden).toBe(false)
    }
    page.archive.events.push(makeEvent('1'))
    await page.refresh()
    expect(page.get('events-none').hidden).toBe(true)
  })

  it('shows hostile text as text, cut to a decent length, and links only to itself', async () => {
    const hostile = '<img src=x onerror=alert(1)>'
    const page = openPage()
    page.archive.events.push(
      makeEvent('../../?"><script>', {
        type: hostile,
        recipient: 'x'.repeat(9_000),
        source: hostile,
      }),
      makeEvent('2', { type: '__proto__', recipient: undefined }),
    )
    page.archive.quarantine.push({
      ...makePiece('javascript:1', Buffer.from('x')),
      detail: hostile,
    })

    await page.start()
    await expect.poll(() => page.get('quarantine').children).toHaveLength(1)

    const [row] = page.get('events').children
    expect(row?.textContent).toContain(hostile)
    expect(row?.textContent.length).toBeLessThan(400)
    expect(page.text('types')).toContain(hostile)
    expect(page.text('types')).toContain('__proto__')
    const links = ['events', 'quarantine'].flatMap((id) =>
      page.get(id).find((el) => el.href !== ''),
    )
    expect(links.map((link) => link.href)).toEqual([
      'api/events/..%2F..%2F%3F%22%3E%3Cscript%3E',
      'api/events/2',
      'api/quarantine/javascript%3A1/body',
    ])
  })

  it('keeps the rows that stay, so that the keyboard stays where it was', async () => {
    const page = openPage()
    page.archive.events.push(makeEvent('2', { state: 'pending' }), makeEvent('1'))
    await page.start()
    const [second, first] = page.get('events').children

    page.archive.events.splice(0, 1, makeEvent('3'), makeEvent('2', { state: 'done' }))
    await page.refresh()

    const rows = page.get('events').children
    expect(rows).toHaveLength(3)
    expect(rows[1]).toBe(second)
    expect(rows[2]).toBe(first)
    expect(second?.textContent).toContain('done')

    page.archive.events.splice(1, 1)
    await page.refresh()
    expect(page.get('events').children).toHaveLength(2)
  })

  it('joins rare types into one line', async () => {
    const page = openPage()
    for (let type = 0; type < 25; type += 1) {
      page.archive.events.push(makeEvent(String(type), { type: `type ${type}` }))
    }

    await page.start()

    expect(page.get('types').children).toHaveLength(11)
    expect(page.text('types')).toContain('15 other types15')
  })

  it('asks every two seconds, says when the receiver is gone, and finds it again', async () => {
    const page = openPage()
    await page.start()
    await expect.poll(() => page.timers.map(({ waitMs }) => waitMs)).toEqual([2_000])

    page.state.isReachable = false
    await page.refresh()
    expect(page.text('connection')).toBe('The receiver cannot be reached. Trying again…')
    expect(page.get('connection').dataset.state).toBe('lost')

    page.state.isReachable = true
    page.archive.problem = new Error('broken')
    await page.refresh()
    expect(page.text('connection')).toBe('The receiver answered 500. Trying again…')

    page.archive.problem = undefined
    await page.refresh()
    expect(page.text('connection')).toBe('Live')
  })

  it('asks nothing while nobody looks', async () => {
    const page = openPage()
    await page.start()
    await expect.poll(() => page.timers.length).toBe(1)
    const asked = page.archive.calls.length

    page.document.hidden = true
    await page.refresh()

    expect(page.archive.calls).toHaveLength(asked)
    expect(page.timers).toHaveLength(1)
  })

  it('stops when the password is wrong, instead of using up the attempts', async () => {
    const page = openPage({ password: 'new one', authorization: basic('admin', 'old one') })

    await page.start()

    expect(page.text('connection')).toBe('The password is needed: reload the page.')
    expect(page.timers).toEqual([])
  })

  it('waits as long as it is told when too many passwords were wrong', async () => {
    const page = openPage({ password: 'right', authorization: basic('admin', 'right') })
    const headers = { authorization: basic('admin', 'wrong') }
    for (let time = 0; time < 10; time += 1) await page.app.inject({ url: '/', headers })

    await page.start()

    expect(page.text('connection')).toBe('Too many wrong passwords: waiting…')
    await expect.poll(() => page.timers.map(({ waitMs }) => waitMs)).toEqual([60_000])
  })
})
