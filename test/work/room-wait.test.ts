import { describe, expect, it } from 'vitest'
import { RoomWait } from '../../src/work/turns.ts'
import { onTestFinished } from '../on-test-finished.ts'

function createWait(onTimeUp = () => {}): RoomWait {
  const wait = new RoomWait(onTimeUp)
  onTestFinished(() => wait.stop())
  return wait
}

describe('a page whose handlers are full', () => {
  it('waits 25 ms, then goes to the store, and nobody waits for 50 ms', () => {
    const wait = createWait()
    expect(wait.isDue(false, 100)).toBe(true)
    expect(wait.isDue(false, 124)).toBe(true)
    expect(wait.isDue(false, 125)).toBe(false)
    expect(wait.isDue(false, 126)).toBe(false)
    expect(wait.isDue(false, 174)).toBe(false)
    expect(wait.isDue(false, 175)).toBe(true)
  })

  it('is waited for less and less as long as there is never room, once a second at last', () => {
    const wait = createWait()
    const pauses: number[] = []
    let now = 0
    for (let times = 0; times < 7; times++) {
      while (wait.isDue(false, now)) now++
      const goneAt = now
      while (!wait.isDue(false, now)) now++
      pauses.push(now - goneAt)
    }
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_000, 1_000])
    expect(wait.isDue(true, now)).toBe(false)
    while (wait.isDue(false, now)) now++
    expect(wait.isDue(false, now + 49)).toBe(false)
    expect(wait.isDue(false, now + 50)).toBe(true)
  })

  it('goes on as soon as there is room, and the next one waits its own time', () => {
    const wait = createWait()
    expect(wait.isDue(false, 100)).toBe(true)
    expect(wait.isDue(true, 120)).toBe(false)
    expect(wait.isDue(false, 121)).toBe(true)
    expect(wait.isDue(false, 145)).toBe(true)
    expect(wait.isDue(false, 146)).toBe(false)
  })

  it('is looked at again when its time is up', async () => {
    await new Promise<void>((resolve) => {
      createWait(resolve).isDue(false, 0)
    })
  })
})
