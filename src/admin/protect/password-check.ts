import { createHash, timingSafeEqual } from 'node:crypto'

const SCHEME = /^basic +/i

/**
 * Checks an `Authorization` header for the user `admin`, in constant time. The user's name holds no
 * colon, so one comparison of `user:password` is the same as one of each.
 */
export function createPasswordCheck(password: string): (authorization: string) => boolean {
  const wanted = digest(Buffer.from(`admin:${password}`))
  return (authorization) => {
    const credentials = Buffer.from(authorization.replace(SCHEME, ''), 'base64')
    const isEqual = timingSafeEqual(digest(credentials), wanted)
    return isEqual && SCHEME.test(authorization)
  }
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
