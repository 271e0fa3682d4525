import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'

const FOLDER = new URL('../../../src/admin/page/', import.meta.url)
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
  (file) => extname(file) !== '',
)
const scripts = files.filter((file) => file.endsWith('.js'))
const read = (file: string) => readFileSync(new URL(file, FOLDER), 'utf8')

describe('GET / and what it loads', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', 'index.html'],
    ['/page.css', 'text/css; charset=utf-8', 'page.css'],
    ['/page.js', 'text/javascript; charset=utf-8', 'page.js'],
    ['/views/overview/totals.js', 'text/javascript; charset=utf-8', 'views/overview/totals.js'],
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
      '<script src="page.js" type="module"></script>',
    ])
    for (const file of files.filter((name) => name !== 'icon.svg')) {
      // The name of SVG's namespace is no address that anybody visits.
      const text = read(file).replaceAll('http://www.w3.org/2000/svg', '')
      expect(text, file).not.toMatch(/(https?:)?\/\/[a-z]+[.]|@import|url\(/i)
    }
  })

  it('writes text only, and never markup', () => {
    for (const file of scripts) {
      expect(read(file), file).not.toMatch(
        /innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|eval\(|Function\(|setHTML/,
      )
    }
  })

  it('asks for every module at once, and for none that is not there', () => {
    const preloaded = [...read('index.html').matchAll(/modulepreload" href="([^"]+)"/g)].map(
      ([, href]) => href,
    )
    expect(preloaded.sort()).toEqual(scripts.filter((file) => file !== 'page.js').sort())
  })

  it('weighs less than 150 kB', () => {
    const bytes = files.reduce((sum, file) => sum + Buffer.byteLength(read(file)), 0)
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
