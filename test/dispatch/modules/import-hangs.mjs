import { defineHandler } from 'mailtrap-receiver'

await new Promise((resolve) => setTimeout(resolve, 600_000))

export default defineHandler({ name: 'hanging', on: { '*': async () => {} } })
