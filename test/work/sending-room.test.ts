import { expect, it } from 'vitest'
import { SendingRoom } from '../../src/work/work-messages.ts'

it('lets so much be on its way to a thread that says nothing, and as much again once it has', () => {
  const room = new SendingRoom(100)
  expect([40, 40, 40, 20].map((bytes) => room.take(bytes))).toEqual([true, true, false, true])
  expect(room.take(1)).toBe(false)
  room.clear()
  expect(room.take(101)).toBe(false)
  expect(room.take(100)).toBe(true)
})
