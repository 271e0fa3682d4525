import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({ name: 'counter', on: { open: () => {} } })
