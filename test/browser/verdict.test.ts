import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium } from './find-chromium.ts'
import { openBrowser, openPage, takeScreenshot } from './open-browser.ts'
import { type Dashboard, startDashboard } from './start-dashboard.ts'

const chromium = findChromium()

describe.skipIf(!chromium)(
  'how the receiver is, on the page (Chromium in PATH, else skipped)',
  () => {
    let browser: Browser
    let dashboard: Dashboard

    beforeAll(async () => {
      browser = await openBrowser(chromium!)
      dashboard = await startDashboard()
      await dashboard.send([{ event: 'open', event_id: 'seen', email: 'ann@example.com' }])
    })
    afterAll(async () => {
      await browser?.close()
      await dashboard?.stop()
    })

    it('dims what it shows while nobody answers, and says of when it is', async () => {
      const page = await openPage(browser, dashboard.url, { expectedFaults: /ERR_FAILED/ })
      await page.goto(dashboard.url)
      await page.locator('tr', { hasText: 'ann@example.com' }).waitFor()
      const opacity = () =>
        page.evaluate<string>(`getComputedStyle(document.querySelector('.view .grid')).opacity`)
      await expect.poll(opacity).toBe('1')

      await page.route('**/api/**', (route) => route.abort())

      const verdict = page.getByRole('region', { name: 'What somebody is needed for' })
      await verdict.getByText('The receiver cannot be reached. Trying again…').waitFor()
      await verdict.getByText('Look whether its process runs').waitFor()
      await expect.poll(async () => Number(await opacity())).toBeLessThan(1)
      await page.getByText('What is shown is of').waitFor()
      await takeScreenshot(page, 'receiver-gone')

      await page.unroute('**/api/**')
      await page.getByText('Live', { exact: true }).waitFor()
      await expect.poll(opacity).toBe('1')
      expect(await verdict.count()).toBe(0)
    })

    it('colours what was refused only while nothing is accepted', async () => {
      const page = await openPage(browser, dashboard.url)
      let verdict: object[] = []
      await page.route('**/api/stats', async (route) => {
        const known = await (await route.fetch()).json()
        const batches = { ...known.batches, refused: 8 }
        await route.fulfill({ json: { ...known, batches, verdict } })
      })
      await page.goto(dashboard.url)
      const refused = page.locator('.tiles > div', { hasText: 'Refused' })
      await refused.getByText('8', { exact: true }).waitFor()
      expect(await refused.getAttribute('data-state')).toBeNull()

      const since = new Date().toISOString()
      verdict = [{ cause: 'not_ready', since, text: 'Not accepting webhooks.', remedy: 'Mend it.' }]
      await expect.poll(() => refused.getAttribute('data-state')).toBe('dead')
    })

    it.each([
      ['light', 1280],
      ['dark', 390],
    ] as const)(
      'is red while webhooks are refused, in %s colours at %i px',
      async (scheme, width) => {
        const page = await openPage(browser, dashboard.url, {
          colorScheme: scheme,
          viewport: { width, height: 800 },
        })
        const since = new Date(Date.now() - 600_000).toISOString()
        await page.route('**/api/process', async (route) => {
          const known = await (await route.fetch()).json()
          const verdict = ['not_ready', 'jobs_dead:crm', 'quarantine', 'conflicts'].map(
            (cause) => ({
              ...{ cause, since, text: `Not well: ${cause}.`, remedy: 'Free space on the disk.' },
            }),
          )
          await route.fulfill({ json: { ...known, verdict } })
        })
        await page.goto(dashboard.url)
        await page.getByText('Live', { exact: true }).waitFor()

        const state = () => page.locator('.connection').getAttribute('data-state')
        await expect.poll(state).toBe('dead')
        const verdict = page.getByRole('region', { name: 'What somebody is needed for' })
        const shown = verdict.locator('strong:visible')
        await expect.poll(() => shown.count()).toBe(3)
        await verdict.getByText('1 more').click()
        await expect.poll(() => shown.count()).toBe(4)
        const crm = verdict.getByRole('link', { name: 'Not well: jobs_dead:crm.' })
        expect(await crm.getAttribute('href')).toBe('#/handlers/crm?state=dead')
        await takeScreenshot(page, `verdict-${scheme}-${width}`)
      },
    )
  },
)
