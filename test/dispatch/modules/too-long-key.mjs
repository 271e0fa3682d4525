import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({ on: { [`activity_log.${'k'.repeat(200)}`]: () => {} } })
