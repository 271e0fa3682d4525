import { defineHandler, PermanentError } from 'mailtrap-receiver'

/** Likes openings; of a bounce it complains, with a person's address. */
export default defineHandler({
  name: 'picky',
  on: {
    open: () => {},
    bounce: () => {
      throw new PermanentError('550 user1@example.com is unknown')
    },
  },
})
