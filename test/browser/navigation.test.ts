import { randomUUID } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findChromium } from './find-chromium.ts'
import { openBrowser, openPage, takeScreenshot } from './open-browser.ts'
import { type Dashboard, startDashboard } from './start-dashboard.ts'

const chromium = findChromium()
const event = (type: string, fields: object = {}) => ({
  event: type,
  event_id: randomUUID(),
  email: 'ann@example.com',
  ...fields,
})

describe.skipIf(!chromium)(
  'the ways through the dashboard (Chromium in PATH, else skipped)',
  () => {
    let browser: Browser
    let dashboard: Dashboard

    beforeAll(async () => {
      browser = await openBrowser(chromium!)
      dashboard = await startDashboard()
      await dashboard.send(Array.from({ length: 60 }, () => event('open')))
      await vi.waitFor(async () => {
        expect((await dashboard.api.stats()).events.total).toBe(60)
      })
    })
    afterAll(async () => {
      await browser?.close()
      await dashboard?.stop()
    })

    type Options = Parameters<typeof openPage>[2]

    async function open(path: string, options: Options = {}): Promise<Page> {
      const page = await openPage(browser, dashboard.url, options)
      await page.goto(`${dashboard.url}/${path}`)
      return page
    }
    const isLive = (page: Page) => page.getByText('Live', { exact: true }).waitFor()

    it('never draws a late answer over the view that was chosen meanwhile', async () => {
      const page = await open('#/handlers')
      await isLive(page)
      let answerEvent = async () => {}
      const path = `events/${(await dashboard.api.events()).at(-1)?.id}`
      const isAsked = new Promise<void>((asked) => {
        void page.route(`**/api/${path}`, (route) => {
          answerEvent = () => route.continue()
          asked()
        })
      })
      await page.goto(`${dashboard.url}/#/${path}`)
      await isAsked
      await page.getByRole('link', { name: 'Handlers' }).click()
      await isLive(page)
      const isAnswered = page.waitForResponse(`**/api/${path}`)
      await answerEvent()
      await (await isAnswered).finished()
      await page.getByRole('columnheader', { name: 'Last hour' }).waitFor()
      expect(await page.getByRole('heading', { name: 'open' }).count()).toBe(0)
    })

    it('says that it loads before it knows anything, and offers no action until then', async () => {
      const page = await open('')
      await isLive(page)
      let answer = async () => {}
      await page.route('**/api/quarantine?*', (route) => {
        answer = () => route.continue()
      })
      await page.goto(`${dashboard.url}/#/quarantine`)
      await page.getByRole('status').getByText('Loading…').waitFor()
      expect(await page.getByRole('button', { name: /again$/ }).count()).toBe(0)
      await expect.poll(() => answer().then(() => true)).toBe(true)
    })

    it('leads back to where a list was left', async () => {
      const page = await open('#/events')
      await isLive(page)
      const row = page.locator('.events tbody tr').nth(40).getByRole('link')
      await row.scrollIntoViewIfNeeded()
      const before = await page.evaluate<number>('scrollY')
      expect(before).toBeGreaterThan(300)
      await row.click()
      await page.getByRole('heading', { name: 'open' }).waitFor()
      await page.getByRole('button', { name: '← Back' }).click()
      await expect.poll(() => page.evaluate<number>('scrollY')).toBe(before)
    })

    it('leads past the menu without losing the address', async () => {
      const page = await open('#/events?recipient=ann%40example.com')
      await isLive(page)
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      expect(page.url()).toContain('#/events?recipient=ann%40example.com')
      await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('view')
    })

    it('says that an address names no view', async () => {
      const page = await open('#/nowhere')
      await page.getByText('This page has no such view.').waitFor()
    })

    it('keeps the search form when a link asks for what cannot be', async () => {
      const page = await open('#/events?state=bogus&recipient=ann%40example.com', {
        expectedFaults: /400/,
      })
      await page.getByRole('alert').waitFor()
      expect(await page.getByLabel('Recipient').inputValue()).toBe('ann@example.com')
      await page.getByRole('button', { name: 'Search' }).click()
      await page.locator('.events tbody tr').first().waitFor()
    })

    it('keeps a time of the address to the millisecond while nobody changes it', async () => {
      const from = '2026-11-21T09:30:00.123Z'
      const page = await open(`#/events?from=${from}`)
      await isLive(page)
      await page.getByRole('button', { name: 'Search' }).click()
      await isLive(page)
      expect(decodeURIComponent(page.url())).toContain(`from=${from}`)
    })

    it('counts what matches, and searches the last hour, day or week', async () => {
      const recipient = `counted-${randomUUID()}@example.com`
      await dashboard.send([event('reject', { email: recipient })])
      const page = await open('#/events')
      const heading = (name: string | RegExp) => page.getByRole('heading', { name })
      await expect
        .poll(async () => heading(`Events: ${(await dashboard.api.stats()).events.total}`).count())
        .toBe(1)
      await page.goto(`${dashboard.url}/#/events?type=open`)
      await heading('Events found: 60').waitFor()
      await page.goto(`${dashboard.url}/#/events?source=mailtrap`)
      await heading('Events found: more than 50').waitFor()

      await page.getByLabel('Recipient').fill(recipient)
      await page.getByRole('button', { name: 'hour', exact: true }).click()
      await heading('Events found: 1').waitFor()
      expect(page.url()).toContain(`recipient=${encodeURIComponent(recipient)}`)
      const from = new URLSearchParams(page.url().split('?')[1]).get('from') ?? ''
      expect(Date.now() - Date.parse(from)).toBeGreaterThanOrEqual(3_600_000)
      expect(Date.now() - Date.parse(from)).toBeLessThan(3_700_000)
    })

    it('shows times of the device or of UTC, as somebody chose, also in what is searched', async () => {
      const recipient = `zone-${randomUUID()}@example.com`
      await dashboard.send([event('suspension', { email: recipient })])
      const from = '2020-11-21T02:00:00.000Z'
      const page = await open(`#/events?recipient=${encodeURIComponent(recipient)}&from=${from}`, {
        timezoneId: 'Asia/Tokyo',
      })
      const field = page.getByLabel('Received from')
      const time = page.locator('tbody time')
      const hour = async () => (await time.textContent())?.split(':')[0]
      await time.waitFor()
      const at = new Date((await time.getAttribute('datetime')) ?? '')
      expect(await field.inputValue()).toBe('2020-11-21T11:00')
      expect(Number(await hour())).toBe((at.getUTCHours() + 9) % 24)
      await page.getByText('Times are those of Asia/Tokyo').waitFor()

      await page.getByRole('button', { name: 'show UTC' }).click()

      await page.getByText('Times are those of UTC').waitFor()
      await time.waitFor()
      expect(await field.inputValue()).toBe('2020-11-21T02:00')
      await page.getByRole('button', { name: 'Search' }).click()
      await isLive(page)
      expect(decodeURIComponent(page.url())).toContain(`from=${from}`)
      await page.getByRole('button', { name: 'show those of this device' }).click()
      await page.getByText('Times are those of Asia/Tokyo').waitFor()
    })

    it('keeps what is read of an event that is erased meanwhile, and says so', async () => {
      const recipient = `gone-${randomUUID()}@example.com`
      await dashboard.send([event('click', { email: recipient })])
      const page = await open(`#/events?recipient=${encodeURIComponent(recipient)}`, {
        expectedFaults: /404/,
      })
      await page.getByRole('link', { name: 'click' }).click()
      await page.getByRole('heading', { name: 'click' }).waitFor()
      const erased = await fetch(`${dashboard.url}/api/erase`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ recipient }),
      })
      expect(erased.status).toBe(200)
      await page.getByRole('alert').waitFor()
      expect(await page.locator('.payload').first().textContent()).toContain(recipient)
    })

    it('looks on where one answer had not the time to find anything', async () => {
      const page = await openPage(browser, dashboard.url)
      // However slow this machine is, the search has time left.
      await page.addInitScript('performance.now = () => 0')
      let looks = 0
      await page.route('**/api/events?*type=rare*', (route) =>
        route.fulfill({
          json:
            ++looks < 4
              ? { events: [], cursor: String(100 - looks), partial: true }
              : { events: [], cursor: null },
        }),
      )
      await page.goto(`${dashboard.url}/#/events?type=rare`)
      await page
        .getByText(/^No event is like this\. .*see the overview and quarantine\.$/)
        .waitFor()
      // What comes in meanwhile lets it look again.
      expect(looks).toBeGreaterThanOrEqual(4)
    })

    it('never says that there is no such event while it has not looked at all of them', async () => {
      const page = await openPage(browser, dashboard.url)
      await page.route('**/api/events?*type=rare*', (route) =>
        route.fulfill({ json: { events: [], cursor: '7', partial: true } }),
      )
      await page.goto(`${dashboard.url}/#/events?type=rare`)
      await page.getByText('No event like this so far').waitFor()
      await page.getByRole('link', { name: 'Look further back' }).waitFor()
    })

    it('shows all that is in quarantine, page by page', async () => {
      const lines = Array.from({ length: 105 }, () => `{"broken\n${JSON.stringify(event('open'))}`)
      await dashboard.send(lines.join('\n'))
      await expect.poll(async () => (await dashboard.api.stats()).quarantined).toBe(lines.length)
      const page = await open('#/quarantine')
      const rows = page.locator('.pieces tbody tr')
      await expect.poll(() => rows.count()).toBe(100)
      await page.getByRole('link', { name: 'Older' }).click()
      await expect.poll(() => rows.count()).toBe(5)
      await page.getByRole('link', { name: 'Newest' }).click()
      await expect.poll(() => rows.count()).toBe(100)
    })

    it('names the characters that would hide or turn text round', async () => {
      const turned = '\u202Emoc.elpmaxe@nna'
      await dashboard.send([event('delivery', { email: turned, note: 'zero\u200Bwidth' })])
      const page = await open('#/events')
      await page.getByText('‹U+202E›moc.elpmaxe@nna').waitFor()
      await page.getByRole('link', { name: 'delivery' }).click()
      await page.locator('.payload .hidden-character').first().waitFor()
      const marked = await page.locator('.payload:visible .hidden-character').allTextContents()
      expect(marked).toEqual(['U+202E', 'U+200B'])
      await takeScreenshot(page, 'hidden-characters')
    })

    it('tells of a conflict in what it differs from the first event with its id', async () => {
      const fields = { event_id: randomUUID(), message_id: randomUUID() }
      await dashboard.send([event('open', { ...fields, user_agent: 'one' })])
      await dashboard.send([event('open', { ...fields, user_agent: 'two' })])
      const conflict = await vi.waitFor(async () => {
        const found = (await dashboard.api.events()).find(({ state }) => state === 'conflict')
        if (!found) throw new Error('There is no conflict yet.')
        return found
      })
      const page = await open(`#/events/${conflict.id}`)
      const cells = page.locator('.difference tbody td')
      await expect.poll(() => cells.allTextContents()).toEqual(['user_agent', '"one"', '"two"'])
      // The same events once.
      await page.getByText('The same event id').waitFor()
      expect(await page.getByText('This message').count()).toBe(0)
    })

    it('leads from an event to all that came in its batch', async () => {
      await dashboard.send([event('click'), event('unsubscribe')])
      const { id, batch } = await vi.waitFor(async () => {
        const clicked = (await dashboard.api.events()).find(({ type }) => type === 'click')
        if (!clicked) throw new Error('It is not unpacked yet.')
        return clicked
      })
      const page = await open(`#/events/${id}`)
      await page.getByRole('link', { name: batch }).click()
      await page.getByRole('link', { name: 'unsubscribe' }).waitFor()
      expect(await page.getByLabel('Batch').inputValue()).toBe(batch)
      expect(await page.locator('.events tbody tr').count()).toBe(2)
    })

    it('shows what people had done here, on a phone without a table wider than it', async () => {
      const page = await open('', { viewport: { width: 360, height: 800 } })
      await isLive(page)
      const { id } = (await dashboard.api.events())[0] ?? {}
      const answer = await page.request.post(`${dashboard.url}/api/replay`, {
        data: { event: id },
        headers: { origin: dashboard.url },
      })
      expect(answer.status()).toBe(200)
      await page.getByRole('link', { name: 'What people had done here' }).click()
      await page.getByRole('cell', { name: 'replay done' }).first().waitFor()
      await page.getByRole('cell', { name: 'replay begun' }).first().waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
      await takeScreenshot(page, 'audit-phone')
    })

    it('shows every attempt of an event on a phone, without a table wider than it', async () => {
      await dashboard.send([event('bounce')])
      const viewport = { width: 360, height: 800 }
      const page = await open('#/handlers/suppress-bounces', { viewport })
      await page
        .getByRole('button', { name: /^Replay event/ })
        .first()
        .waitFor()
      await takeScreenshot(page, 'handler-phone')
      await page.locator('.jobs-table').getByRole('link').first().click()
      await page.locator('.attempts tbody tr').first().waitFor()
      await takeScreenshot(page, 'attempts-phone')
      const widest = await page.evaluate<number>(
        `Math.max(...[...document.querySelectorAll('main td, main button')].map((one) => one.getBoundingClientRect().right))`,
      )
      expect(widest).toBeLessThanOrEqual(viewport.width)
    })
  },
)
