import type { ProviderName } from '../model.ts'
import { mailingapi } from './mailingapi/mailingapi.ts'
import { mailtrap } from './mailtrap/mailtrap.ts'
import type { Provider } from './provider.ts'

export const PROVIDERS: Readonly<Record<ProviderName, Provider>> = {
  mailtrap,
  mailingapi,
}
