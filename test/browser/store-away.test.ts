import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { startDatabaseProxy } from '../system/database-proxy.ts'
import { findChromium } from './find-chromium.ts'
import { openBrowser, openPage, takeScreenshot } from './open-browser.ts'
import { startDashboard } from './start-dashboard.ts'

const chromium = findChromium()
const server = await findTestServer()

describe.skipIf(!chromium || !server)('the dashboard in Chromium, with PostgreSQL', () => {
  it('tells of the spool while the store is away, and of everything when it is back', async () => {
    const database = await server!.createDatabase()
    const proxy = await startDatabaseProxy(database)
    const dashboard = await startDashboard({ STORE_URL: proxy.url })
    onTestFinished(() => dashboard.stop())
    const browser = await openBrowser(chromium!)
    onTestFinished(() => browser.close())
    const page = await openPage(browser, dashboard.url, { expectedFaults: /503/ })
    await page.goto(dashboard.url)
    await page.getByText('Live', { exact: true }).waitFor()
    const opacity = (title: string) =>
      page.evaluate<number>(
        `Number(getComputedStyle(
          [...document.querySelectorAll('.card')].find((card) => card.innerText.startsWith('${title}')),
        ).opacity)`,
      )
    const nothingYet = page.getByRole('heading', { name: 'Nothing has come yet' })
    await nothingYet.waitFor()

    proxy.disturb('cut')
    await dashboard.send([{ event: 'open', event_id: 'while-away' }])

    const tile = (name: string) => page.locator('.tiles > div', { hasText: name })
    await tile('Store').getByText('away', { exact: true }).waitFor()
    await tile('Spool').getByText('1', { exact: true }).waitFor()
    const inTile = () => tile('Store').textContent()
    await expect.poll(inTile).toContain('batches are kept in the spool')
    expect(await nothingYet.count()).toBe(0)
    expect(await opacity('Events by state')).toBeLessThan(1)
    expect(await opacity('Acknowledgement')).toBe(1)
    await page.getByText('What is shown is of').waitFor()
    await page.getByText('The store is away: 1 batch waits in the spool.').waitFor()
    await takeScreenshot(page, 'store-away')

    proxy.mend()
    await page.getByText('Live', { exact: true }).waitFor()
    await tile('Batches').getByText('1', { exact: true }).waitFor()
    await expect.poll(() => tile('Store').count()).toBe(0)
    expect(await nothingYet.count()).toBe(0)
    expect(await opacity('Events by state')).toBe(1)
  })
})
