import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({
  name: 'count-opens',
  on: {
    open: async () => {},
    click: async () => {
      throw new Error('503 from https://counts.example.com/v1: try later')
    },
  },
})
