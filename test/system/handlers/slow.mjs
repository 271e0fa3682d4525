import { setTimeout as wait } from 'node:timers/promises'
import { defineHandler } from 'mailtrap-receiver'

/** Far slower than events come. */
export default defineHandler({
  name: 'slow',
  on: { '*': (_event, { signal }) => wait(500, undefined, { signal }) },
})
