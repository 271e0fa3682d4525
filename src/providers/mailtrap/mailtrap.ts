import { newestSecret } from '../newest-secret.ts'
import type { Provider } from '../provider.ts'
import { describeMailtrapEvent } from './describe-event.ts'
import { normaliseMailtrapEvent } from './normalise-event.ts'
import { readMailtrapSignature, signMailtrapBody, verifyMailtrapSignature } from './signature.ts'
import { tidyMailtrapEvent } from './tidy-event.ts'

export const mailtrap: Provider = {
  name: 'mailtrap',
  readSignature: readMailtrapSignature,
  verify: (body, signature, source) => verifyMailtrapSignature(body, signature, source.secrets),
  sign: (body, source) => signMailtrapBody(body, newestSecret(source.secrets)),
  describe: describeMailtrapEvent,
  normalise: normaliseMailtrapEvent,
  tidy: tidyMailtrapEvent,
}
