import { defineHandler } from 'mailtrap-receiver'

export default defineHandler({
  name: 'showing',
  on: {
    '*': (_event, { log }) =>
      log.info('environment', { names: Object.keys(process.env), argv: process.execArgv }),
  },
})
