import type { Source } from '../model.ts'
import { findNearestWord } from '../nearest-word.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { SETTING_VARIABLES, type SettingValues } from './settings-table.ts'

/** Sentences about settings that are not wrong, but at which somebody should look. */
export function findWarnings(options: {
  env: NodeJS.ProcessEnv
  sources: readonly Source[]
  values: SettingValues
  /** Variables that the YAML file names for its secrets. */
  ownVariables: ReadonlySet<string>
}): string[] {
  const { env, sources, values, ownVariables } = options
  const known = new Set([...SETTING_VARIABLES, ...ownVariables])
  return [
    ...Object.keys(env).flatMap((variable) => (known.has(variable) ? [] : misspelling(variable))),
    ...oddCombinations(sources, values),
    ...sources.flatMap(unusualSecret),
    ...sources.flatMap(oddToken),
  ]
}

/** What would keep strangers out, and was probably to be filled. */
const DOORS = ['ALLOW_IPS', 'BASIC_AUTH', 'BASIC_AUTH_FILE', 'URL_TOKEN', 'URL_TOKEN_FILE']

export function findOpenDoors(env: NodeJS.ProcessEnv): string[] {
  return DOORS.filter((name) => env[name]?.trim() === '').map(
    (name) => `${name} is set and empty, which counts as not set: it keeps nobody out.`,
  )
}

/** A variable of the environment that was probably meant to be this setting. */
export function findMisspelt(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const unknown = Object.keys(env).filter((variable) => !SETTING_VARIABLES.includes(variable))
  return unknown.find((variable) => meantVariable(variable) === name)
}

function misspelling(variable: string): string[] {
  const meant = meantVariable(variable)
  return meant ? [`${variable} is not read. Did you mean ${meant}?`] : []
}

function meantVariable(variable: string): string | undefined {
  const [, provider] = /^(MAILTRAP|MAILINGAPI)_.*SECRET/i.exec(variable) ?? []
  if (provider) return `${provider.toUpperCase()}_SIGNING_SECRET`
  // Short names (HOST, PORT, ROLE) are like too many others, and SSL_CERT_FILE is not ours.
  const first = variable.charAt(0).toUpperCase()
  const candidates = SETTING_VARIABLES.filter((name) => name.length >= 8 && name[0] === first)
  return findNearestWord(variable, candidates, 2)
}

function oddCombinations(sources: readonly Source[], values: SettingValues): string[] {
  const { TRUST_PROXY, GUARDIAN_RESUME, MAILTRAP_API_TOKEN, ALERT_SECRET, ALERT_URL } = values
  const isLimited = sources.some(({ allowIps }) => allowIps.length > 0)
  return [
    !TRUST_PROXY &&
      isLimited &&
      'ALLOW_IPS is checked against the address of the connection. Behind a load balancer that is the load balancer: set TRUST_PROXY to its addresses.',
    GUARDIAN_RESUME &&
      MAILTRAP_API_TOKEN === undefined &&
      'GUARDIAN_RESUME does nothing without MAILTRAP_API_TOKEN, which turns the guardian on.',
    ALERT_SECRET !== undefined &&
      ALERT_URL === undefined &&
      'ALERT_SECRET does nothing without ALERT_URL, which says where alerts go.',
  ].filter((warning) => warning !== false)
}

function unusualSecret({ name, provider, secrets }: Source): string[] {
  const { secretLook } = PROVIDERS[provider]
  if (!secretLook || secrets.every((secret) => secretLook.pattern.test(secret))) return []
  return [
    `A signing secret of the source ${name} does not look like those of ${provider}, which are ${secretLook.words}. Was it copied whole?`,
  ]
}

/** Of what stands between two marks of a URL, only these mean themselves everywhere: RFC 3986, 2.3. */
function oddToken({ name, urlToken = '' }: Source): string[] {
  if (/^[\w.~-]*$/.test(urlToken)) return []
  if (/[&#]/.test(urlToken)) {
    return [
      `The token of the source ${name} holds & or #, which end it in a URL. Write them there as %26 and %23, or use one of letters, digits and -._~.`,
    ]
  }
  return [
    `The token of the source ${name} holds characters that mean something else in a URL, or are written otherwise there. It is accepted as it is and percent-encoded; one of letters, digits and -._~ cannot be misread.`,
  ]
}
