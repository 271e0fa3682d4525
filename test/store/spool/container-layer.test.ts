import { describe, expect, it } from 'vitest'
import { isOnContainerLayer, readUsedPercent } from '../../../src/store/spool/spool-folder.ts'

const OVERLAY = 0x794c7630
const EXT4 = 0xef53

describe('isOnContainerLayer', () => {
  it.each([
    ['the layer of a container', { spool: 1, root: 1, type: OVERLAY }, true],
    ['a volume in a container', { spool: 2, root: 1, type: OVERLAY }, false],
    ['the only disk of a machine', { spool: 1, root: 1, type: EXT4 }, false],
    ['another disk of a machine', { spool: 2, root: 1, type: EXT4 }, false],
  ])('tells %s', async (_name, { spool, root, type }, expected) => {
    const places = {
      stat: async (path: string) => ({ dev: path === '/' ? root : spool }),
      statfs: async () => ({ type }),
    }
    expect(await isOnContainerLayer('/data/spool', places)).toBe(expected)
  })

  it('asks the real file system', async () => {
    expect(await isOnContainerLayer('/dev')).toBe(false)
  })
})

it('reads how full a disk is', async () => {
  const percent = await readUsedPercent('/')
  expect(percent).toBeGreaterThan(0)
  expect(percent).toBeLessThanOrEqual(100)
})
