import { expect, it } from 'vitest'
import { AT_ONCE, createClosers } from '../../src/app/stopping.ts'

/** Closers called by these names, of which those with a `!` fail. */
function closersOf(...names: string[]) {
  const closed: string[] = []
  const closers = createClosers(() => AT_ONCE)
  for (const name of names) {
    closers.add(name, async () => {
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
  closers.add('slow', () => new Promise((resolve) => (goOn = resolve)))
  const closing = closers.close()
  closers.add('late', () => void closed.push('late'))
  goOn()
  await closing
  closers.add('later', () => void closed.push('later'))
  await closers.close()
  expect(closed).toEqual(['late', 'store', 'later'])
})

it('names what is not closed yet, in the order in which it is', async () => {
  const { closers } = closersOf('store', 'handlers')
  let goOn = () => {}
  closers.add('listener', () => new Promise((resolve) => (goOn = resolve)))
  const closing = closers.close()
  expect(closers.left()).toEqual(['listener', 'handlers', 'store'])
  goOn()
  await closing
  expect(closers.left()).toEqual([])
})
