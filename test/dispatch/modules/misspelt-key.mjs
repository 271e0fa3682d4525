import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({ name: 'misspelt', on: { bounec: async () => {} } })
