import { defineHandler } from 'mailtrap-receiver'

/** Never ends, and has no ear for anybody who asks it to. */
export default defineHandler({ name: 'hanging', on: { '*': () => new Promise(() => {}) } })
