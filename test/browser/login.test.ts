import { randomUUID } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium } from './find-chromium.ts'
import { openBrowser, openPage, takeScreenshot } from './open-browser.ts'
import { type Dashboard, startDashboard } from './start-dashboard.ts'

const PASSWORD = 'correct horse ☂'
/** The browser notes every answer that is an error; here they are what is looked for. */
const REFUSALS = /status of (401|403|415|429)/
const chromium = findChromium()

describe.skipIf(!chromium)('the login in Chromium (found in PATH, else skipped)', () => {
  let browser: Browser
  let dashboard: Dashboard
  const open = async (path = '') => {
    const page = await openPage(browser, dashboard.url, { expectedFaults: REFUSALS })
    await page.goto(`${dashboard.url}/${path}`)
    return page
  }
  const signIn = async (path?: string) => {
    const page = await open(path)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    return page
  }

  beforeAll(async () => {
    browser = await openBrowser(chromium!)
    dashboard = await startDashboard({ ADMIN_PASSWORD: PASSWORD })
  })
  afterAll(async () => {
    await browser?.close()
    await dashboard?.stop()
  })

  it('shows a form and nothing else, and leads to where one wanted to go', async () => {
    const page = await open('#/handlers')
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await page.getByRole('navigation').count()).toBe(0)
    await takeScreenshot(page, 'login')
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('This is not the password.').waitFor()
    await takeScreenshot(page, 'login-wrong')

    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()

    await page.getByRole('link', { name: 'suppress-bounces' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
  })

  it('holds over a reload, and ends for good by signing out', async () => {
    const page = await signIn()
    await page.getByText('Live', { exact: true }).waitFor()
    await page.reload()
    await page.getByText('Live', { exact: true }).waitFor()
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
    expect(await page.evaluate('document.cookie')).toBe('')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    const kept = { cookie: `${cookie?.name}=${cookie?.value}` }
    const answer = await fetch(`${dashboard.url}/api/stats`, { headers: kept })
    expect(answer.status).toBe(401)
  })

  it('lets no other site ask for anything in the name of who is signed in', async () => {
    const page = await signIn()
    await page.getByText('Live', { exact: true }).waitFor()
    const strange = await page.context().newPage()
    // The same machine under another name: for the browser another site.
    const site = dashboard.url.replace('127.0.0.1', 'localhost')
    await strange.goto(`${site}/icon.svg`)
    const attack = (init: object) =>
      strange.evaluate<string>(
        `fetch(${JSON.stringify(`${dashboard.url}/api/replay`)}, ${JSON.stringify({
          method: 'POST',
          credentials: 'include',
          body: JSON.stringify({ event: randomUUID() }),
          ...init,
        })}).then(({ type, status }) => type + status, () => 'refused')`,
      )

    expect(await attack({ headers: { 'content-type': 'application/json' } })).toBe('refused')
    expect(await attack({ mode: 'no-cors' })).toMatch(/refused|opaque0/)
    const cookies = await page.context().cookies(site)
    expect(cookies).toEqual([])
  })
})
