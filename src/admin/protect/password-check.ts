import { createHash, timingSafeEqual } from 'node:crypto'

const SCHEME = /^basic +/i

/**
 * Checks what a stranger gives for the user `admin`, in constant time. The user's name holds no
 * colon, so one comparison of `user:password` is the same as one of each.
 */
export function createPasswordCheck(password: string) {
  const wanted = digest(Buffer.from(`admin:${password}`))
  const isRight = (credentials: Buffer) => timingSafeEqual(digest(credentials), wanted)

  return {
    /** An `Authorization` header. */
    isHeaderRight(authorization: string): boolean {
      const credentials = Buffer.from(authorization.replace(SCHEME, ''), 'base64')
      return isRight(credentials) && SCHEME.test(authorization)
    },
    /** The password alone. */
    isPasswordRight: (given: string): boolean => isRight(Buffer.from(`admin:${given}`)),
  }
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
