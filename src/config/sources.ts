import { PROVIDER_NAMES, type ProviderName, type Redaction, type Source } from '../model.ts'
import { PROVIDERS } from '../providers/providers.ts'
import type { FileSource } from './file-schema.ts'
import { labelOf, type Origins } from './given-settings.ts'
import { quote, WrongValue } from './problems.ts'
import { readBasicAuth, readSigningSecrets, readUrlToken, type SecretReference } from './secrets.ts'
import { SETTINGS, type SettingValues } from './settings-table.ts'

/** The setting that makes a source of the provider's name. */
const SECRET_SETTINGS = {
  mailtrap: 'MAILTRAP_SIGNING_SECRET',
  mailingapi: 'MAILINGAPI_SIGNING_SECRET',
} as const

const SIGNING_SETTINGS = SETTINGS.filter(({ name }) =>
  Object.values<string>(SECRET_SETTINGS).includes(name),
)

/** Every source: those of the file, then those of the two settings. */
export function buildSources(origins: Origins): Source[] {
  const { file, values } = origins
  const fromFile = Object.entries(file.sources).map(([name, entry]) =>
    buildFileSource(name, entry, origins),
  )
  const fromSettings = PROVIDER_NAMES.filter((provider) => !(provider in file.sources)).map(
    (provider) => buildPlainSource(provider, values[SECRET_SETTINGS[provider]], values),
  )
  return [...fromFile, ...fromSettings].filter((source) => source !== undefined)
}

/** True also when what is given is wrong: then that is the problem, not its absence. */
export function isAnySourceGiven(origins: Pick<Origins, 'env' | 'file'>): boolean {
  const isAnySet = SIGNING_SETTINGS.some((setting) => labelOf(setting, origins))
  return isAnySet || origins.file.isAnySourceGiven
}

/** A source of the provider's name with the common checks; undefined without secrets. */
export function buildPlainSource(
  provider: ProviderName,
  secrets: readonly string[] | undefined,
  values: SettingValues,
): Source | undefined {
  if (!secrets) return undefined
  return {
    name: provider,
    provider,
    secrets,
    allowIps: values.ALLOW_IPS ?? [],
    basicAuth: values.BASIC_AUTH,
    urlToken: values.URL_TOKEN,
    toleranceSeconds: 300,
    secretForm: 'raw',
  }
}

function buildFileSource(name: string, entry: FileSource, origins: Origins): Source | undefined {
  const { file, values, secrets, problems } = origins
  const { provider, secretForm, toleranceSeconds, silentAfter: silentAfterMs } = entry
  if (!provider) return undefined
  const attempt = <Value>(key: string, read: () => Value) =>
    problems.attempt(file.label(`sources.${name}${key}`), read)

  attempt('', () => checkName(name, provider))
  for (const key of ['toleranceSeconds', 'secretForm'] as const) {
    const isOwn = PROVIDERS[provider].ownSettings.includes(key)
    if (!isOwn && entry[key] !== undefined) attempt(`.${key}`, () => refuseOther(provider))
  }
  const found = attempt('.secrets', () => findSecrets(name, entry, origins))
  const readOwn = (key: string, own: SecretReference | false, read: (text: string) => string) =>
    own === false ? undefined : attempt(key, () => read(secrets.read(own, file.folder)))
  const { basicAuth: ownAuth, urlToken: ownToken } = entry
  const basicAuth =
    ownAuth === undefined ? values.BASIC_AUTH : readOwn('.basicAuth', ownAuth, readBasicAuth)
  const urlToken =
    ownToken === undefined ? values.URL_TOKEN : readOwn('.urlToken', ownToken, readUrlToken)

  const plain = buildPlainSource(provider, found, values)
  if (!plain) return undefined
  return {
    ...plain,
    name,
    basicAuth,
    urlToken,
    allowIps: entry.allowIps ?? plain.allowIps,
    toleranceSeconds: toleranceSeconds ?? plain.toleranceSeconds,
    secretForm: secretForm ?? plain.secretForm,
    ...(silentAfterMs !== undefined && { silentAfterMs }),
  }
}

// The name is part of a URL.
function checkName(name: string, provider: ProviderName): void {
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) {
    throw new WrongValue(
      `cannot be part of a URL: ${quote(name)}`,
      'Name it with lower-case letters, digits, - and _, such as audit.',
    )
  }
  if (Object.hasOwn(SECRET_SETTINGS, name) && name !== provider) {
    throw new WrongValue(
      `has the name of a provider but belongs to ${provider}`,
      `Give it another name, or provider: ${name}.`,
    )
  }
}

function refuseOther(provider: ProviderName): never {
  throw new WrongValue(
    `means nothing for ${provider}, whose signature knows no such choice`,
    'Remove it.',
  )
}

/** The environment's secrets win over those of the file. */
function findSecrets(name: string, entry: FileSource, origins: Origins): readonly string[] {
  const { file, given, values, secrets } = origins
  const provider = PROVIDER_NAMES.find((known) => known === name)
  const setting = provider && SECRET_SETTINGS[provider]
  const common = setting && given.get(setting)
  if (common?.isFromFile && entry.secrets) {
    throw new WrongValue(`are given twice, also as ${common.label}`, 'Remove one of them.')
  }
  if (common && values[setting]) return values[setting]
  if (entry.secrets) {
    return entry.secrets.flatMap((each) => readSigningSecrets(secrets.read(each, file.folder)))
  }
  throw new WrongValue('are missing', 'Give at least one, such as [{ env: MT_SECRET }].')
}

/** What is not kept of events as it came, as the settings say. */
export interface RedactionSettings extends Omit<Redaction, 'key'> {
  /** For hashes; undefined: one that is made and kept in the data directory. */
  readonly key: string | undefined
}

export function findRedaction({
  file,
  values,
  problems,
}: Pick<Origins, 'file' | 'values' | 'problems'>): RedactionSettings {
  const own = Object.entries(file.sources).filter(([, { redact }]) => redact !== undefined)
  const bySource = Object.fromEntries(own.map(([name, { redact }]) => [name, redact || undefined]))
  const all = [file.redact, ...Object.values(bySource)]
  const isHashing = all.some((rules) => rules && rules.hash.length > 0)
  if (isHashing && values.STORE_URL?.engine === 'postgres' && !values.REDACT_KEY) {
    problems.add(
      'REDACT_KEY',
      'is missing: replicas that made a key each would hash one address differently',
      'Set it to a long random text, the same for every replica, for example from: openssl rand -hex 32.',
    )
  }
  return { key: values.REDACT_KEY, common: file.redact, bySource }
}
