import { randomUUID } from 'node:crypto'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findChromium } from './find-chromium.ts'
import { openBrowser, openPage, pressTwice } from './open-browser.ts'
import { type Dashboard, startDashboard } from './start-dashboard.ts'

const chromium = findChromium()

describe.skipIf(!chromium)(
  'what people do on the dashboard (Chromium in PATH, else skipped)',
  () => {
    let browser: Browser
    let dashboard: Dashboard

    beforeAll(async () => {
      browser = await openBrowser(chromium!)
      dashboard = await startDashboard()
    })
    afterAll(async () => {
      await browser?.close()
      await dashboard?.stop()
    })

    async function open(path: string, expectedFaults?: RegExp): Promise<Page> {
      const page = await openPage(browser, dashboard.url, expectedFaults && { expectedFaults })
      await page.goto(`${dashboard.url}/${path}`)
      await page.getByText('Live', { exact: true }).waitFor()
      return page
    }

    /** The paths that the page posts to, in order. */
    function watchPosts(page: Page): string[] {
      const posts: string[] = []
      page.on('request', (request) => {
        if (request.method() === 'POST') posts.push(new URL(request.url()).pathname)
      })
      return posts
    }

    /** Those that have ended so, once nothing is under way that could: a test before left it. */
    async function countDead(): Promise<number> {
      await dashboard.api.stats().catch(() => {})
      return vi.waitFor(async () => {
        const { batches, jobs } = await dashboard.api.stats()
        expect(batches.waiting).toBe(0)
        expect(jobs['suppress-bounces']?.pending ?? 0).toBe(0)
        return jobs['suppress-bounces']?.dead ?? 0
      })
    }

    async function sendBounces(count: number): Promise<void> {
      const before = await countDead()
      const bounce = () => ({ event: 'bounce', event_id: randomUUID(), email: 'ann@example.com' })
      await dashboard.send(Array.from({ length: count }, bounce))
      await expect
        .poll(async () => (await dashboard.api.stats()).jobs['suppress-bounces']?.dead)
        .toBe(before + count)
    }

    it('takes a double click on Pause for one', async () => {
      await sendBounces(1)
      const page = await open('#/handlers/suppress-bounces')
      const posts = watchPosts(page)
      await page.getByRole('button', { name: 'Pause suppress-bounces' }).dblclick()
      await page.getByText('suppress-bounces is paused').waitFor()
      expect(posts).toEqual(['/api/handlers/suppress-bounces/pause'])
      await page.getByRole('button', { name: 'Resume suppress-bounces' }).click()
      await page.getByText('suppress-bounces goes on.').waitFor()
    })

    it('does not take a double click for an answer to what it asks', async () => {
      await sendBounces(1)
      const page = await open('#/handlers/suppress-bounces')
      const posts = watchPosts(page)
      await page.getByRole('button', { name: 'Replay all dead jobs' }).dblclick()
      await page.getByRole('button', { name: /^Really replay/ }).waitFor()
      expect(posts).toEqual([])
    })

    it('says that an action failed, and does not promise to try again', async () => {
      await sendBounces(1)
      const page = await open('#/handlers/suppress-bounces', /ERR_FAILED/)
      await page.route('**/pause', (route) => route.abort())
      await page.getByRole('button', { name: 'Pause suppress-bounces' }).click()
      await page.getByText('Not done: The receiver cannot be reached.').waitFor()
      expect(await page.getByText('Trying again').count()).toBe(0)
    })

    it('shows a notice where it can be seen, however far down the button is', async () => {
      await sendBounces(60)
      const page = await open('#/handlers/suppress-bounces')
      const last = page.getByRole('button', { name: /^Replay event/ }).last()
      await last.click()
      const notice = page.getByText('1 job made pending.')
      await notice.waitFor()
      const { y = -1 } = (await notice.boundingBox()) ?? {}
      expect(y).toBeGreaterThan(0)
      expect(y).toBeLessThan(page.viewportSize()?.height ?? 0)
    })

    it('runs all events again that a search finds, where the receiver can choose them so', async () => {
      await sendBounces(60)
      const page = await open('#/events')
      const runAll = page.getByRole('button', { name: 'Run all of them again' })
      await page.getByText('Events: ').waitFor()
      expect(await runAll.count()).toBe(0)
      await page.goto(`${dashboard.url}/#/events?recipient=ann%40example.com`)
      await page.getByText('Events found: ').waitFor()
      expect(await runAll.count()).toBe(0)
      await page.goto(`${dashboard.url}/#/events?state=dead&type=bounce`)
      const dead = await countDead()
      await pressTwice(page, 'Run all of them again', 'Really run all of them again?')
      await page.getByText(`${dead} jobs made pending.`).waitFor()
      expect(await countDead()).toBe(dead)
    })

    it('goes on replaying when another view is looked at, and tells of it on the way back', async () => {
      await sendBounces(5)
      const page = await open('#/handlers/suppress-bounces')
      let answerReplay = () => {}
      const isAsked = new Promise<void>((asked) => {
        void page.route('**/api/jobs/replay', async (route) => {
          asked()
          await new Promise<void>((resolve) => (answerReplay = resolve))
          await route.continue()
        })
      })
      await pressTwice(page, 'Replay all dead jobs', /^Really replay/)
      await isAsked
      await page.getByRole('link', { name: 'Overview' }).click()
      await page.getByText('Events received').waitFor()
      answerReplay()
      await page.goBack()
      await page.getByText(/^\d+ jobs made pending\.$/).waitFor()
    })

    it('puts no other row under the pointer, and says what it holds back', async () => {
      await dashboard.send([{ event: 'open', event_id: randomUUID(), email: 'first@example.com' }])
      const page = await open('#/events')
      const top = page.locator('.events tbody tr').first()
      await top.getByText('first@example.com').waitFor()
      await top.hover()
      const before = await top.textContent()
      await dashboard.send([{ event: 'open', event_id: randomUUID(), email: 'later@example.com' }])
      await page.getByText('1 newer event: shown when you leave the list').waitFor()
      expect(await top.textContent()).toBe(before)
      await page.locator('h2').first().hover()
      await top.getByText('later@example.com').waitFor()
    })

    it('keeps the place of somebody who has scrolled into a list', async () => {
      await sendBounces(60)
      const page = await open('#/events')
      const row = page.locator('.events tbody tr').nth(30)
      await row.scrollIntoViewIfNeeded()
      await page.evaluate('scrollBy(0, 400)')
      const text = await row.textContent()
      const topOf = async () => (await row.boundingBox())?.y ?? 0
      const top = await topOf()
      await dashboard.send([{ event: 'open', event_id: randomUUID(), email: 'new@example.com' }])
      await page.getByText('1 newer event: shown when you leave the list').waitFor()
      expect(await row.textContent()).toBe(text)
      // The browser keeps it to the pixel, not to its parts.
      expect(Math.abs((await topOf()) - top)).toBeLessThan(2)
      await page.evaluate('scrollTo(0, 0)')
      await page.getByText('new@example.com').waitFor()
    })

    it('leads the keyboard to the next row when a job is replayed', async () => {
      await sendBounces(3)
      dashboard.mend()
      const page = await open('#/handlers/suppress-bounces')
      const first = page.getByRole('button', { name: /^Replay event/ }).first()
      const name = await first.getAttribute('aria-label')
      await first.focus()
      await page.keyboard.press('Enter')
      await page
        .getByRole('button', { name: name ?? '', exact: true })
        .waitFor({ state: 'detached' })
      const focused = () => page.evaluate('document.activeElement.getAttribute("aria-label")')
      await expect.poll(focused).toMatch(/^Replay event \d+$/)
    })
  },
)
