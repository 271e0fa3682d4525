import { defineHandler } from 'mailtrap-receiver'

const keys = Array.from({ length: 1_001 }, (_, index) => `activity_log.thing.${index}`)

export default defineHandler({ on: Object.fromEntries(keys.map((key) => [key, () => {}])) })
