import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadPackage } from '../../../../src/handlers/built-in/publish/broker.ts'
import { onTestFinished } from '../../../on-test-finished.ts'

it('says of a package that is not installed how to install it', async () => {
  await expect(loadPackage('no-such-broker', 'no-such-broker@3 its-streams@3')).rejects.toThrow(
    'The package no-such-broker is not installed. Run: npm install no-such-broker@3 its-streams@3',
  )
})

it('finds a package that is installed in the working directory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'packages-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const home = join(folder, 'node_modules/some-broker')
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'package.json'), '{"type":"module","exports":"./index.js"}')
  writeFileSync(join(home, 'index.js'), 'export const name = "found"')
  expect(await loadPackage('some-broker', 'some-broker@3', folder)).toMatchObject({ name: 'found' })
})
