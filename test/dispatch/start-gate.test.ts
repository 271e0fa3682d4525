import { describe, expect, it } from 'vitest'
import { StartGate } from '../../src/dispatch/process/spawn-host.ts'

describe('StartGate', () => {
  it('lets in as many as have places, then one for each that leaves, in order', () => {
    const gate = new StartGate(2)
    const begun: string[] = []
    const [leaveA] = ['a', 'b', 'c', 'd'].map((name) => gate.enter(() => begun.push(name)))
    expect(begun).toEqual(['a', 'b'])
    leaveA?.()
    leaveA?.()
    expect(begun).toEqual(['a', 'b', 'c'])
  })

  it('forgets who leaves the queue', () => {
    const gate = new StartGate(1)
    const begun: string[] = []
    const [leaveA, leaveB, leaveC] = ['a', 'b', 'c'].map((name) =>
      gate.enter(() => begun.push(name)),
    )
    leaveB?.()
    leaveA?.()
    leaveC?.()
    gate.enter(() => begun.push('d'))
    expect(begun).toEqual(['a', 'c', 'd'])
  })
})
