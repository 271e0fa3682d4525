import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { expect } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { PATIENCE_MS } from '../patience-ms.ts'

const SCREENSHOTS = fileURLToPath(new URL('../../screenshots', import.meta.url))

export async function openBrowser(executablePath: string): Promise<Browser> {
  const isRoot = process.getuid?.() === 0
  const args = ['--disable-dev-shm-usage', '--disable-gpu']
  return chromium.launch({ executablePath, args, chromiumSandbox: !isRoot })
}

export interface WatchedPage extends Page {
  /** What the page should never do: errors, dialogs, requests to elsewhere. */
  readonly faults: string[]
  /** Bytes of all files that the page loaded, as they came over the wire. */
  loadedBytes(): number
}

/** A browser that is used again keeps the size it had, where none is given. */
const VIEWPORT = { width: 1280, height: 720 }

/** As long as a button shows its question. */
const QUESTION_MS = 4_000

/** Presses a button, and again at its question; a browser that is slower than that is asked anew. */
export async function pressTwice(page: Page, name: string, question: string | RegExp) {
  const press = (label: string | RegExp, timeout: number) =>
    page.getByRole('button', { name: label }).click({ timeout })
  for (let isPressed = false; !isPressed; ) {
    await press(name, PATIENCE_MS)
    isPressed = await press(question, QUESTION_MS).then(
      () => true,
      () => false,
    )
  }
}

/** What Playwright's own runner uses between tests: a browser that remembers nobody, in the same processes. */
interface ReusingBrowser extends Browser {
  _newContextForReuse(options: BrowserContextOptions): Promise<BrowserContext>
  _disconnectFromReusedContext(reason: string): Promise<void>
}

export interface PageOptions extends Pick<BrowserContextOptions, 'colorScheme' | 'viewport'> {
  /** Such pages have processes of their own, which take three times the processor time. */
  readonly timezoneId?: string
  /** Likewise: nothing of its files is known to the browser. Default false. */
  readonly isCold?: boolean
  readonly expectedFaults?: RegExp
}

/** A context and how to leave it. One at a time may be had without a zone or a cold browser. */
async function enterContext(browser: Browser, { isCold, ...options }: PageOptions) {
  const given = { locale: 'en-GB', viewport: VIEWPORT, ...options }
  if (isCold || options.timezoneId !== undefined) {
    const context = await browser.newContext(given)
    return { context, leave: () => context.close() }
  }
  const reusing = browser as ReusingBrowser
  const context = await reusing._newContextForReuse(given)
  return { context, leave: () => reusing._disconnectFromReusedContext('The test has ended.') }
}

/** A new person before a new browser. When the test ends, nothing may have gone wrong in it. */
export async function openPage(
  browser: Browser,
  origin: string,
  { expectedFaults, ...options }: PageOptions = {},
): Promise<WatchedPage> {
  const { context, leave } = await enterContext(browser, options)
  const page = context.pages()[0] ?? (await context.newPage())
  page.setDefaultTimeout(PATIENCE_MS)
  const faults: string[] = []
  let bytes = 0
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(origin)) faults.push(`request to ${request.url()}`)
  })
  page.on('response', (response) => {
    if (new URL(response.url()).pathname.startsWith('/api/')) return
    bytes += Number(response.headers()['content-length'] ?? Number.NaN)
  })
  onTestFinished(async () => {
    // A request that a test answers itself may just be under way.
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await leave()
    expect(faults.filter((fault) => !expectedFaults?.test(fault))).toEqual([])
  })
  return Object.assign(page, { faults, loadedBytes: () => bytes })
}

/** For people to look at, who ask for it by `SCREENSHOTS=1`: each takes as long as a view. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  if (process.env['SCREENSHOTS'] !== '1') return
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
}
