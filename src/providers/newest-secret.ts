import { ReceiverError } from '../errors.ts'

/** The secret to sign with. Throws ReceiverError `invalid_settings` when there is none. */
export function newestSecret(secrets: readonly string[]): string {
  const [newest] = secrets
  if (!newest) {
    throw new ReceiverError('invalid_settings', {
      detail: 'there is no secret to sign with; give the source one',
    })
  }
  return newest
}
