import { randomUUID } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ListedJobJson } from '../../src/admin/api/jobs.ts'
import { findChromium } from './find-chromium.ts'
import { openBrowser, openPage, pressTwice, takeScreenshot } from './open-browser.ts'
import { type Dashboard, startDashboard } from './start-dashboard.ts'

const chromium = findChromium()
const HANDLER = 'suppress-bounces'

describe.skipIf(!chromium)(
  'dead and retrying jobs on the dashboard (Chromium in PATH, else skipped)',
  () => {
    let browser: Browser
    let dashboard: Dashboard

    beforeAll(async () => {
      browser = await openBrowser(chromium!)
      dashboard = await startDashboard({ RETRY_SCHEDULE: '1h,1h,1h' })
    })
    afterAll(async () => {
      await browser?.close()
      await dashboard?.stop()
    })

    const jobs = async () => (await dashboard.api.stats()).jobs[HANDLER]

    async function sendBounces(count: number): Promise<void> {
      // An answer that is under way is shared: the first one may be of before.
      await jobs()
      const before = (await jobs())?.dead ?? 0
      const bounce = () => ({ event: 'bounce', event_id: randomUUID(), email: 'ann@example.com' })
      await dashboard.send(Array.from({ length: count }, bounce))
      await expect.poll(async () => (await jobs())?.dead).toBe(before + count)
    }

    async function open(path: string, look = {}): Promise<Page> {
      const page = await openPage(browser, dashboard.url, look)
      await page.goto(`${dashboard.url}/${path}`)
      await page.getByText('Live', { exact: true }).waitFor()
      return page
    }

    it.each([
      ['light', 1280],
      ['dark', 390],
    ] as const)(
      'asks for a reason first, in %s colours at %i px, without a page wider than it',
      async (colorScheme, width) => {
        await sendBounces(2)
        const look = { colorScheme, viewport: { width, height: 800 } }
        const page = await open(`#/handlers/${HANDLER}`, look)
        const boxes = page.getByLabel(/^Choose the job/)
        for (const place of [0, 1]) await boxes.nth(place).check()
        await page.getByRole('button', { name: 'Discard selected (2)' }).click()

        const reason = page.getByLabel('Why does nobody need 2 jobs any more?')
        await page.locator('.reason input:focus').waitFor()
        const go = page.getByRole('button', { name: 'Discard 2 jobs' })
        expect(await go.isDisabled()).toBe(true)
        await reason.fill('  ')
        await reason.press('Enter')
        expect(await go.isDisabled()).toBe(true)
        await reason.fill('The list was given up: OPS-812')
        await takeScreenshot(page, `discard-${colorScheme}-${width}`)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)

        const before = await jobs()
        await reason.press('Enter')
        await page.getByText('2 jobs discarded.').waitFor()
        await expect.poll(jobs).toMatchObject({
          dead: (before?.dead ?? 0) - 2,
          discarded: (before?.discarded ?? 0) + 2,
        })
      },
    )

    it('discards all with one error, and all there are, and the verdict is empty again', async () => {
      await sendBounces(3)
      const page = await open(`#/handlers/${HANDLER}`)
      const verdict = page.getByRole('region', { name: 'What somebody is needed for' })
      await verdict.getByText(/of the handler suppress-bounces are dead\./).waitFor()
      await page.getByRole('button', { name: /^Discard these/ }).click()
      await page.getByLabel('Why does nobody need those with this error any more?').press('Escape')
      await page.getByRole('button', { name: 'Discard all dead jobs' }).click()
      await page.getByLabel('Why does nobody need 3 dead jobs any more?').fill('Given up')
      await page.getByRole('button', { name: 'Discard 3 dead jobs' }).click()

      await page.getByText('3 jobs discarded.').waitFor()
      await page.getByText('No job is dead.').waitFor()
      await page.getByText('Nothing fails.').waitFor()
      await verdict.getByText(/dead/).waitFor({ state: 'detached' })
    })

    it('lists what waits for another attempt with its event, and runs one, some or all of it now', async () => {
      const recipients = ['ann@example.com', 'bob@example.com', 'cyd@example.com']
      const fails = (email: string) => ({ event: 'soft bounce', event_id: randomUUID(), email })
      await dashboard.send(recipients.map(fails))
      /** All of them wait again, after so many attempts as these. */
      const haveWaited = (...attempts: readonly number[]) =>
        expect
          .poll(async () => {
            const answer = await fetch(`${dashboard.url}/api/jobs?state=retrying`)
            const { jobs: waiting } = (await answer.json()) as { jobs: ListedJobJson[] }
            const now = Date.now() + 60_000
            const ofThose = waiting.filter(({ due_at: at }) => Date.parse(at ?? '') > now)
            return ofThose.map(({ attempt }) => attempt).sort()
          })
          .toEqual(attempts)
      await haveWaited(1, 1, 1)
      const page = await open(`#/handlers/${HANDLER}?state=retrying`)
      const row = (text: string) => page.locator('.jobs-table tbody tr', { hasText: text })
      const attempts = (text: string) => row(text).locator('td').nth(5).textContent()
      for (const recipient of recipients) {
        await row(recipient).getByText('soft bounce').waitFor()
        await row(recipient).getByText('Error: the list is away').waitFor()
        await row(recipient)
          .getByText(/^in \d+ (min|h)$/)
          .waitFor()
      }
      await takeScreenshot(page, 'retrying')

      await row('ann@')
        .getByRole('button', { name: /^Retry event \d+ now$/ })
        .click()
      await page.getByText('1 job due now.').waitFor()
      await haveWaited(1, 1, 2)
      await row('bob@').getByRole('checkbox').check()
      await row('cyd@').getByRole('checkbox').check()
      await page.getByRole('button', { name: 'Retry selected (2) now' }).click()
      await page.getByText('2 jobs due now.').waitFor()
      await haveWaited(2, 2, 2)
      await page.getByRole('button', { name: 'Retry all 3 now' }).click()
      await page.getByText('3 jobs due now.').waitFor()
      await haveWaited(3, 3, 3)
      for (const recipient of recipients) await expect.poll(() => attempts(recipient)).toBe('3')
    })

    it('tells on the page of the event when and why, and lets it run again', async () => {
      await sendBounces(1)
      const dead = (await dashboard.api.events()).find(({ state }) => state === 'dead')
      const page = await open(`#/events/${dead?.id}`)
      await page.getByRole('button', { name: 'Discard', exact: true }).click()
      await page.getByLabel('Why does nobody need this job any more?').fill('Mended by hand')
      await page.getByRole('button', { name: 'Discard this job' }).click()
      await page.getByText('1 job discarded.').waitFor()
      await page.getByText(/^Discarded .*: Mended by hand$/).waitFor()
      await takeScreenshot(page, 'discarded-event')

      dashboard.mend()
      await pressTwice(page, 'Run again', 'Really run it again?')
      await page.getByText('1 job made pending.').waitFor()
      await expect.poll(async () => (await jobs())?.done).toBeGreaterThan(0)
    })
  },
)
