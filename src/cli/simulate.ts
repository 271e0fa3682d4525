import { Command, InvalidArgumentError, Option } from 'commander'
import { readDuration } from '../config/quantities.ts'
import {
  FAULT_MEANINGS,
  FAULT_NAMES,
  type FaultName,
  type Faults,
} from '../simulator/sending/faults.ts'
import type { CommandContext } from './command.ts'
import { readSeed, readWholeNumber } from './read-options.ts'
import { runSimulator, type SimulateOptions } from './run-simulator.ts'

const FAULT_LINES = Object.entries(FAULT_MEANINGS).map(
  ([name, meaning]) => `  ${name.padEnd(16)} ${meaning}\n`,
)

const NOTES = `
Examples:
  mailtrap-receiver simulate --events 1000 --speed 60
  mailtrap-receiver simulate --events 20000 --over 10m --seed 1 --faults duplicate=0.1,reorder
  mailtrap-receiver simulate --state simulator.json

It answers as the management APIs do (/api/webhooks, /api/accounts/<id>/webhooks, /v1/webhooks) and
sends as documented: batches of up to 500 every 30 s, signed; only 200 counts; 40 retries every
5 minutes, then it pauses the webhook. MailingAPI gets one event a request; its retries are assumed.
Any API token will do, unless MAILTRAP_API_TOKEN or MAILINGAPI_API_TOKEN is set here.

By hand, with curl --json '{…}' <url>/simulator/<what>:
  clock      {"advance":"3h"} runs ahead and answers when all is sent; {"speed":60}
  faults     {"duplicate":0.1}: from now on these, and no other
  streams    {"webhook":"mailtrap/9001","events":100,"over":"1h","seed":1}
  webhooks/mailtrap/9001/reset-secret   {}: answers the new one
  events     events of your own, a line each: curl --data-binary @events.jsonl; ?provider=mailingapi
GET /simulator/status shows everything, GET / the same for people.

Faults, each with its share:
${FAULT_LINES.join('')}`

export function simulateCommand(context: CommandContext): Command {
  const command = new Command('simulate')
    .option('--events <n>', 'generate so many for each kind of webhook', readWholeNumber)
    .addOption(
      new Option('--over <time>', 'in which the mails go out; openings follow for days')
        .argParser(readSpan)
        .default(3_600_000, '1h'),
    )
    .option('--seed <n>', 'the same events again, with times from 2026-01-01 on', readSeed)
    .option('--speed <n>', '60 makes a minute of a second, 0 stands still', readSpeed, 1)
    .addOption(
      new Option('--faults <list>', 'what goes wrong, and how often, see below')
        .argParser(readFaults)
        .default({}, 'none'),
    )
    .addOption(
      new Option('--retries <profile>', '40 every 5 minutes, or 10 in 24 hours')
        .choices(['steady', 'backoff'])
        .default('steady'),
    )
    .addOption(
      new Option('--when-paused <what>', 'becomes of the events of a paused webhook')
        .choices(['keep', 'drop'])
        .default('keep'),
    )
    .option('--timeout <seconds>', 'for one answer, in our time', readWholeNumber, 30)
    .option('--account <id>', 'of the API token; others are forbidden (default: any)')
    .addOption(
      new Option(
        '--token-expires <time>',
        'from now on, by the real clock (default: never)',
      ).argParser(readSpan),
    )
    .option('--state <file>', 'keep everything in this file, and go on from it')
    .option('--host <address>', 'to listen on', '127.0.0.1')
    .option('--port <n>', 'to listen on; 0 takes a free one', readPort, 3002)
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', NOTES)
    .action(() => runSimulator(command.opts<SimulateOptions>(), context))
  return command
}

const MAX_SPEED = 1_000_000

function readSpeed(text: string): number {
  const speed = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && speed <= MAX_SPEED) return speed
  throw new InvalidArgumentError('Give a number such as 60, which makes a minute of a second.')
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Give a port from 0, any free one, to 65535.')
}

function readSpan(text: string): number {
  try {
    return readDuration(text)
  } catch {
    throw new InvalidArgumentError('Give a time with its unit, such as 30s, 10m or 2h.')
  }
}

/** `duplicate=0.1,reorder=1` */
function readFaults(text: string): Faults {
  const faults = text.split(',').map((part): [FaultName, number] => {
    const [name = '', share = '1'] = part.trim().split('=')
    const known = FAULT_NAMES.find((one) => one === name)
    const figure = Number(share)
    if (known !== undefined && share !== '' && figure >= 0 && figure <= 1) return [known, figure]
    throw new InvalidArgumentError(
      `Give name=share, the share from 0 to 1; names are ${FAULT_NAMES.join(', ')}.`,
    )
  })
  return Object.fromEntries(faults)
}
