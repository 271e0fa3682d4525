import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({ name: 'noop', on: { '*': async () => {} } })
