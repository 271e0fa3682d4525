import { expect, it } from 'vitest'
import { createClosers } from '../../src/app/closers.ts'
import { AT_ONCE } from '../../src/app/stop-plan.ts'

/** Closers called by these names, of which those with a `!` fail. */
function closersOf(...names: string[]) {
  const closed: string[] = []
  const closers = createClosers(() => AT_ONCE)
  for (const name of names) {
    closers.add(async () => {
      closed.push(name)
      if (name.endsWith('!')) throw new Error(name)
    })
  }
  return { closers, closed }
}

it('closes what was opened last first', async () => {
  const { closers, closed } = closersOf('store', 'handlers', 'server')
  await closers.close()
  expect(closed).toEqual(['server', 'handlers', 'store'])
})

it('lets no closer that fails hold up the others, and then tells the first failure', async () => {
  const { closers, closed } = closersOf('store', 'spool!', 'handlers', 'thread!')
  await expect(closers.close()).rejects.toThrow('thread!')
  expect(closed).toEqual(['thread!', 'handlers', 'spool!', 'store'])
})

it('closes once, however often it is asked', async () => {
  const { closers, closed } = closersOf('store', 'server')
  await Promise.all([closers.close(), closers.close()])
  await closers.close()
  expect(closed).toEqual(['server', 'store'])
})

it('closes at once what is opened while it closes, after what is under way', async () => {
  const { closers, closed } = closersOf('store')
  let goOn = () => {}
  closers.add(() => new Promise((resolve) => (goOn = resolve)))
  const closing = closers.close()
  closers.add(() => void closed.push('late'))
  goOn()
  await closing
  closers.add(() => void closed.push('later'))
  await closers.close()
  expect(closed).toEqual(['late', 'store', 'later'])
})
