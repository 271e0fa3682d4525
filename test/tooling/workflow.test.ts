import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8')

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}
interface Workflow {
  readonly permissions: unknown
  readonly jobs: Readonly<
    Record<'check' | 'image', { readonly strategy?: unknown; readonly steps: readonly Step[] }>
  >
}

const workflow: Workflow = parse(read('.github/workflows/ci.yml'))
const { check, image } = workflow.jobs
const steps = [...check.steps, ...image.steps]
const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts

describe('the workflow', () => {
  it('does what .ci/run does, on the same versions of Node', () => {
    const own = read('.ci/run')
    expect(own).toMatch(/^step 'npm ci' npm ci\b/m)
    expect(own.match(/^ *run_tests node-/gm)).toHaveLength(2)
    expect(own.match(/npm run demo -- --once/g)).toHaveLength(2)
    expect(own).toContain('biome ci --error-on-warnings')
    expect(own).toContain('npm run --silent typecheck')
    expect(scripts['check']).toMatch(/^biome ci --error-on-warnings && .*typecheck && .*\btest\b/)

    expect(check.strategy).toMatchObject({ 'fail-fast': false, matrix: { node: [20, 24] } })
    const commands = check.steps.flatMap(({ run }) => run ?? [])
    expect(commands).toEqual(['npm ci', 'npm run check', 'npm run demo -- --once'])
  })

  it('may read and nothing else, and runs only actions that cannot change', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' })
    const actions = steps.filter(({ uses }) => uses !== undefined)
    for (const { uses } of actions) expect(uses).toMatch(/^actions\/[\w-]+@[0-9a-f]{40}$/)
    for (const step of actions.filter(({ uses }) => uses?.includes('/checkout@'))) {
      expect(step.with).toMatchObject({ 'persist-credentials': false })
    }
  })

  it('starts the image as the README does, with a root that cannot be written', () => {
    const commands = image.steps.map(({ run }) => run ?? '').join('\n')
    for (const words of [
      'docker build ',
      '--init',
      '--read-only',
      'health-check.js',
      'docker stop',
    ]) {
      expect(commands).toContain(words)
    }
  })
})
