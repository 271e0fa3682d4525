import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'

const SOURCES = new URL('../../../src/admin/page/', import.meta.url)
const sources = readdirSync(SOURCES)
const read = (file: string) => readFileSync(new URL(file, SOURCES), 'utf8')
const FILES = ['/', '/page.css', '/page.js', '/icon.svg']

describe('GET / and what it loads', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', '<div id="page">'],
    ['/page.css', 'text/css; charset=utf-8', '.tiles{'],
    ['/page.js', 'text/javascript; charset=utf-8', 'Events received'],
    ['/icon.svg', 'image/svg+xml', '<svg'],
  ])('serves %s as %s', async (url, type, text) => {
    const { app } = buildAdmin()

    const answer = await app.inject(url)

    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBe(type)
    expect(answer.body).toContain(text)
  })

  it('says what is wrong where none of its files are found, as below a path without a slash', () => {
    expect(read('index.html')).toMatch(/<body>\s*<p class="bare">[^<]*slash at\s+the end/)
    expect(read('base.css')).toMatch(/\.bare \{\s*display: none;\s*\}/)
    expect(read('index.html')).not.toMatch(/(href|src)="\//)
  })

  it('keeps to its own policy: no inline script or style, nothing from elsewhere', () => {
    const markup = read('index.html')

    expect(markup).not.toMatch(/\sstyle=|\son\w+=|<style|javascript:/i)
    expect(markup.match(/<script[^>]*>[^<]*<\/script>/g)).toEqual([
      '<script src="page.js" type="module"></script>',
    ])
    for (const file of sources.filter((name) => name !== 'icon.svg')) {
      expect(read(file), file).not.toMatch(/(https?:)?\/\/[a-z]+[.]|@import "?[^".]|url\(/i)
    }
  })

  it('writes text only, and never markup', () => {
    for (const file of sources) {
      expect(read(file), file).not.toMatch(
        /innerHTML|dangerously|outerHTML|insertAdjacent|document\.write|DOMParser|eval\(|Function\(|setHTML/,
      )
    }
  })

  it('weighs less than 150 kB', async () => {
    const { app } = buildAdmin()
    const answers = await Promise.all(FILES.map((url) => app.inject(url)))
    const bytes = answers.reduce((sum, { rawPayload }) => sum + rawPayload.length, 0)
    expect(bytes).toBeLessThan(150_000)
  })

  it('is right for the compiler', () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url))
    const project = ['-p', 'test/admin/page/tsconfig.json']
    expect(() =>
      execFileSync('node_modules/.bin/tsc', project, { cwd: root, stdio: 'pipe' }),
    ).not.toThrow()
  })
})
