import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({ name: 'steady', on: { '*': async () => {} } })
