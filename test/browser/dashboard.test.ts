import { randomUUID } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadedMs } from '../loaded-ms.ts'
import { findChromium } from './find-chromium.ts'
import { openBrowser, openPage, pressTwice, takeScreenshot } from './open-browser.ts'
import { seedHistory } from './seed-history.ts'
import { type Dashboard, startDashboard } from './start-dashboard.ts'

const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>'
const chromium = findChromium()

const event = (type: string, fields: object = {}) => ({
  event: type,
  event_id: randomUUID(),
  message_id: randomUUID(),
  email: 'ann@example.com',
  timestamp: Math.floor(Date.now() / 1_000),
  ...fields,
})

describe.skipIf(!chromium)('the dashboard in Chromium (found in PATH, else skipped)', () => {
  let browser: Browser
  let dashboard: Dashboard
  const open = (path = '', options: Parameters<typeof openPage>[2] = {}) =>
    openPage(browser, dashboard.url, options).then(async (page) => {
      await page.goto(`${dashboard.url}/${path}`)
      return page
    })

  beforeAll(async () => {
    browser = await openBrowser(chromium!)
    dashboard = await startDashboard({}, seedHistory)
  })
  afterAll(async () => {
    await browser?.close()
    await dashboard?.stop()
  })

  it('is light and quick: below 150 kB, and its first view within a second', async () => {
    const measure = async () => {
      const page = await openPage(browser, dashboard.url, { isCold: true })
      const began = performance.now()
      await page.goto(dashboard.url)
      await page.locator('.tiles dd').first().waitFor()
      const tookMs = performance.now() - began
      expect(page.loadedBytes()).toBeLessThan(150_000)
      expect(page.loadedBytes()).toBeGreaterThan(10_000)
      return tookMs
    }
    // The best of some, for what comes between.
    const limitMs = loadedMs(1_000)
    const tries: number[] = []
    while (tries.length < 15 && Math.min(...tries) >= limitMs) tries.push(await measure())
    expect(Math.min(...tries), String(tries)).toBeLessThan(limitMs)
  })

  it('shows events as they arrive', async () => {
    const page = await open()
    await page.getByText('Live', { exact: true }).waitFor()
    const recipient = `new-${randomUUID()}@example.com`
    expect(await page.getByText(recipient).count()).toBe(0)

    await dashboard.send([event('open', { email: recipient })])

    await page.locator('tr', { hasText: recipient }).getByText('done').waitFor()
    const bars = page.locator('svg.chart').first().locator('rect')
    await expect.poll(() => bars.count()).toBeGreaterThan(50)
  })

  it('finds a recipient, and shows the exact payload, jobs, and time line of a message', async () => {
    const message = randomUUID()
    const recipient = `zoë.${message.slice(0, 8)}@example.com`
    const about = { email: recipient, message_id: message }
    const link = 'https://example.com/offer?a=1&b=2'
    await dashboard.send([
      event('delivery', { ...about, timestamp: 1_768_651_200 }),
      event('click', { ...about, timestamp: 1_768_651_300, url: link, big: 1 }),
    ])
    const page = await open('#/events')
    await page.getByLabel('Recipient').fill(recipient)
    await page.keyboard.press('Enter')
    // Until then the list is that of before.
    await page.getByRole('heading', { name: 'Events found: 2' }).waitFor()

    await page.getByRole('link', { name: 'click' }).click()
    await page.getByRole('heading', { name: 'click' }).waitFor()
    await page.getByText('503 from https://counts.example.com/v1: try later').waitFor()
    expect(page.url()).toMatch(/#\/events\/\d+$/)
    const timeline = page.locator('.timeline li')
    const inTimeline = () => timeline.locator('a').allTextContents()
    await expect.poll(inTimeline).toEqual(['delivery', 'click'])
    const anchor = page.locator('.payload a')
    expect(await anchor.getAttribute('href')).toBe(link)
    expect(await anchor.getAttribute('rel')).toBe('noopener noreferrer')
    await takeScreenshot(page, 'event')
    // The receiver's own frames are left out.
    expect(await page.locator('.attempts').first().textContent()).not.toMatch(
      /handler-host|run-attempt|chunk/,
    )
    await page.getByRole('button', { name: 'Run now' }).click()
    await page.getByText('1 job due now.').waitFor()
    await expect.poll(() => page.locator('.attempts').first().locator('tbody tr').count()).toBe(2)
    await page.getByText('the same as of attempt 1').waitFor()
    expect(await page.getByText('503 from https://counts.example.com/v1').count()).toBe(1)
    await page.getByRole('button', { name: 'As received' }).click()
    expect(await page.locator('.payload.raw').textContent()).toContain(`"email":"${recipient}"`)
  })

  it('replays a dead job, which turns done', async () => {
    const ids = [randomUUID(), randomUUID(), randomUUID()]
    await dashboard.send(ids.map((id) => event('bounce', { event_id: id })))
    await expect
      .poll(async () => (await dashboard.api.stats()).jobs)
      .toMatchObject({
        'suppress-bounces': { dead: 3 },
      })
    const page = await open('#/handlers/suppress-bounces')
    await page.getByText('no list for …@… (code #)').waitFor()
    await takeScreenshot(page, 'handler')

    dashboard.mend()
    await page
      .getByRole('button', { name: /^Replay event/ })
      .first()
      .click()
    await page.getByText('1 job made pending.').waitFor()
    await page.getByText('2 dead').waitFor()

    await page
      .getByLabel(/^Choose the job/)
      .first()
      .check()
    await page.getByRole('button', { name: 'Replay selected (1)' }).click()
    await page.getByText('1 dead').first().waitFor()

    await pressTwice(page, 'Replay all dead jobs', 'Really replay 1 job?')
    await page.getByText('No job is dead.').waitFor()
    await expect
      .poll(async () => (await dashboard.api.stats()).jobs)
      .toMatchObject({
        'suppress-bounces': { dead: 0, pending: 0 },
      })
  })

  it('pauses a handler, whose jobs then wait, and lets it go on', async () => {
    const page = await open('#/handlers')
    const row = page.locator('tr', { hasText: 'suppress-bounces' })
    await row.getByRole('button', { name: 'Pause' }).click()
    await row.getByText('paused; its jobs wait').waitFor()
    const recipient = `later-${randomUUID()}@example.com`
    await dashboard.send([event('delivery', { email: recipient })])
    await row.locator('td').nth(4).getByText('1', { exact: true }).waitFor()
    const verdict = page.getByRole('region', { name: 'What somebody is needed for' })
    await verdict.getByText('The handler suppress-bounces is paused: its events wait.').waitFor()
    const state = () => page.locator('.connection').getAttribute('data-state')
    await expect.poll(state).toBe('late')
    await takeScreenshot(page, 'handlers')

    await row.getByRole('button', { name: 'Resume' }).click()
    await row.locator('td').nth(4).getByText('0', { exact: true }).waitFor()
    await row.getByText('running').waitFor()
  })

  it('shows hostile content as text, and never runs it', async () => {
    const link = 'javascript:alert(3)'
    await dashboard.send([
      event(HOSTILE, { email: HOSTILE, message_id: HOSTILE, category: HOSTILE, url: link }),
      event('__proto__', { message_id: '=HYPERLINK("https://example.com")' }),
    ])
    await dashboard.send(`{"event":"open","note":"${HOSTILE}`)
    const page = await open()
    await page.locator('table', { hasText: HOSTILE }).first().waitFor()
    await page.goto(`${dashboard.url}/#/events?${new URLSearchParams({ recipient: HOSTILE })}`)
    await page.locator('td a', { hasText: HOSTILE }).click()
    await page.getByRole('heading', { name: HOSTILE }).waitFor()
    expect(await page.locator('.payload').first().textContent()).toContain(link)
    expect(await page.locator('.payload a').count()).toBe(0)

    await page.goto(`${dashboard.url}/#/quarantine`)
    await page.getByRole('link', { name: 'invalid json' }).click()
    await page.getByText('3c 69 6d 67 20 73 72 63').waitFor()
    await takeScreenshot(page, 'piece')
    expect(await page.locator('main img, main script').count()).toBe(0)
    expect(await (await fetch(`${dashboard.url}/api/events.csv`)).text()).toContain(`"'=HYPERLINK(`)
  })

  it('lets a quarantined piece be read again', async () => {
    await dashboard.send('{"event":"open",')
    const page = await open('#/quarantine')
    const rows = page.locator('tbody').first().locator('tr')
    await rows.first().waitFor()
    await takeScreenshot(page, 'quarantine')
    const [before] = await dashboard.api.quarantine().then((pieces) => pieces.slice(-1))
    await rows
      .first()
      .getByRole('button', { name: /^Read again/ })
      .click()
    await page.getByText('1 piece will be read again.').waitFor()
    // Nobody has mended the reader, so it comes back with a new id.
    await expect
      .poll(async () => (await dashboard.api.quarantine()).at(-1)?.id)
      .not.toBe(before?.id)
  })

  it.each([
    ['light', 1280],
    ['dark', 360],
  ] as const)('can be read in %s colours at %i px', async (colorScheme, width) => {
    const page = await open('', { colorScheme, viewport: { width, height: 800 } })
    const path = `events/${(await dashboard.api.events()).at(-1)?.id}`
    for (const view of [
      '',
      'events',
      path,
      'handlers',
      'handlers/suppress-bounces',
      'quarantine',
    ]) {
      await page.goto(`${dashboard.url}/#/${view}`)
      await page.locator('main .card').first().waitFor()
      await page.getByText('Live', { exact: true }).waitFor()
      const scrolled = await page.evaluate<number>('document.documentElement.scrollWidth')
      expect(scrolled, view).toBeLessThanOrEqual(width)
      await takeScreenshot(
        page,
        `${view.replaceAll('/', '-') || 'overview'}-${colorScheme}-${width}`,
      )
    }
  })
})
